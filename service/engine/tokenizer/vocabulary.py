"""What a model's tokens spell: which of them can complete a text, and which ids spell a text exactly."""

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any

# Stands where a character's bytes are not complete yet.
_INCOMPLETE = "�"


class Vocabulary:
    """The tokens of one tokenizer. The first question reads all of them, which takes up to a second."""

    def __init__(self, tokenizer: Any, encode: Callable[[str], list[int]]) -> None:
        """`tokenizer` is a fast one of transformers; `encode` takes control tokens for ordinary text."""
        self._tokenizer = tokenizer
        self._encode = encode
        self.completing = lru_cache(maxsize=64)(self._completing)

    def text(self, ids: Sequence[int]) -> str:
        """What the ids spell, control tokens left out."""
        text: str = self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    def answer(self, before: Sequence[int], ids: Sequence[int], *, is_whole: bool) -> str:
        """The text of an answer that follows the ids `before`.

        Some tokenizers drop the space in front of a text's first word, so a few tokens of context are decoded too.
        A character at the end whose bytes are still coming is left out, unless the answer `is_whole`.
        """
        context = list(before[-8:])
        both = self._plain([*context, *ids])
        text = both[len(self._plain(context)) :]
        return text if is_whole else text.rstrip(_INCOMPLETE)

    def tokens_within(self, before: Sequence[int], ids: Sequence[int], length: int) -> int:
        """The most leading tokens of an answer whose text is no longer than `length` characters, by bisection."""
        low, high = 0, len(ids)
        while low < high:
            middle = (low + high + 1) // 2
            if len(self.answer(before, ids[:middle], is_whole=False)) <= length:
                low = middle
            else:
                high = middle - 1
        return low

    def ids(self, text: str) -> list[int]:
        """Ids that spell the text exactly: a single token where there is one."""
        if text in self._by_spelling:
            return [self._by_spelling[text]]
        return self._encode(text)

    def _plain(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _completing(self, text: str) -> tuple[int, ...]:
        """Every token after which an answer may just have come to hold `text`: no other token can complete it."""
        tails = tuple(text[i:] for i in range(len(text)))
        # The last bytes of a character may come alone.
        ends = tails if text.isascii() else (*tails, _INCOMPLETE)
        return tuple(
            i for i, spelled in enumerate(self._spelled) if text in spelled or spelled.startswith(ends)
        )

    @cached_property
    def _spelled(self) -> list[str]:
        ids = [[i] for i in range(len(self._tokenizer))]
        return list(
            self._tokenizer.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )

    @cached_property
    def _by_spelling(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for i, spelled in enumerate(self._spelled):
            found.setdefault(spelled, i)
        return found
