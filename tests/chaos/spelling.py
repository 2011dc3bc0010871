"""The embedded tokenizer without the service's code: its control tokens, and how many tokens their letters are."""

from functools import cached_property

from tokenizers import Tokenizer

from service.embedded.build import build_generator


class Spelling:
    """Reads every text as letters, also where it spells a control token."""

    def __init__(self) -> None:
        self._tokenizer = Tokenizer.from_file(str(build_generator() / "tokenizer.json"))
        self._tokenizer.encode_special_tokens = True

    @cached_property
    def special(self) -> list[str]:
        """The control tokens."""
        added = self._tokenizer.get_added_tokens_decoder()
        return [token.content for token in added.values() if token.special]

    def tokens(self, text: str) -> int:
        """How many tokens the letters of the text are."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)
