"""Text and tokens to ids for process reward models: what we insert is a token, what a caller wrote never is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

import numpy as np

from service.engine.tokenizer.chat_template import Part, Slot, fill, skeleton
from service.engine.tokenizer.chat_tokenizer import ChatTokenizer
from service.reward_models.base.errors import ScorerLoadError
from strategies.base.types import Message


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text: the template's own, in which control tokens count, or a caller's, in which they do not."""

    text: str
    is_ours: bool = False


class StepTokenizer(ChatTokenizer):
    """A process reward model's tokenizer and chat template; `separator` is inert wherever a caller spells it."""

    def __init__(self, source: Any, separator: str | None = None) -> None:
        super().__init__(source)
        if separator is not None:
            from tokenizers import AddedToken

            self.special_id(separator)
            # Some tokenizers list it as an ordinary added token, which would be matched in any text.
            self._tokenizer.add_tokens([AddedToken(separator, special=True)], special_tokens=True)
            super().__init__(self._tokenizer)

    @property
    def bos_id(self) -> int | None:
        """The token that begins a text, if this model has one."""
        found: int | None = self._tokenizer.bos_token_id
        return found

    def last_id(self, word: str) -> int:
        """The last token of a word that stands alone, as the model cards look it up."""
        return int(self._whole.encode(word, add_special_tokens=False).ids[-1])

    def special_id(self, word: str) -> int:
        """The one token that this is; ScorerLoadError if the vocabulary has none."""
        known: dict[str, int] = self._tokenizer.get_vocab()
        if word not in known:
            raise ScorerLoadError(
                f"its tokenizer has no token {word!r}: set `format` to this model's convention"
            )
        return known[word]

    def word_of(self, token_id: int) -> str:
        """The token's name in the vocabulary, as vLLM looks it up."""
        found: str = self._tokenizer.convert_ids_to_tokens(token_id)
        return found

    def has_vocabulary_of(self, other: "StepTokenizer") -> bool:
        """Whether they give the same ids to the same tokens; one may know a few tokens more."""
        fewer, more = sorted((self._tokenizer.get_vocab(), other._tokenizer.get_vocab()), key=len)
        return all(more.get(word) == token for word, token in fewer.items())

    def prefix(self) -> list[int]:
        """What the tokenizer itself puts in front of every text; often a token for its beginning, often nothing."""
        bare, whole = self._whole.encode("x", add_special_tokens=False).ids, self._raw.encode("x").ids
        return list(whole[: _place_of(bare, whole)])

    def plain(self, text: str) -> tuple[list[int], list[int]]:
        """The ids of a text in which nothing is a control token, and the characters that are complete after each."""
        encoding = self._inert.encode(text, add_special_tokens=False)
        return list(encoding.ids), [end for _, end in encoding.offsets]

    def pieces(self, pieces: Sequence[Piece]) -> tuple[list[int], Sequence[int | None]]:
        """The ids of a text, and for each piece the token that it begins with.

        The text is encoded whole, as the model cards do; a piece that begins inside a token then has None. Where a
        caller spells a control token each piece is encoded on its own.
        """
        if self._is_plain([piece.text for piece in pieces if not piece.is_ours]):
            return self._together(pieces)
        parts = [
            list((self._whole if p.is_ours else self._inert).encode(p.text, add_special_tokens=False).ids)
            for p in pieces
        ]
        return list(chain.from_iterable(parts)), [0, *accumulate(map(len, parts))][:-1]

    def template(self, roles: Sequence[str], contents: Sequence[str]) -> list[tuple[Piece, int | None]]:
        """The chat as its template writes it: pieces, each with the number of the content that it is, if it is one."""
        parts: list[Part] = skeleton(self._tokenizer, roles, add_generation_prompt=False)
        return [
            (Piece(text), part.content) if isinstance(part, Slot) else (Piece(text, is_ours=True), None)
            for part, text in zip(parts, fill(parts, contents), strict=True)
        ]

    def _together(self, pieces: Sequence[Piece]) -> tuple[list[int], list[int | None]]:
        encoding = self._whole.encode("".join(piece.text for piece in pieces), add_special_tokens=False)
        starts = np.asarray([start for start, _ in encoding.offsets], dtype=np.int64)
        found: list[int | None] = []
        for begin in [0, *accumulate(len(piece.text) for piece in pieces)][:-1]:
            at = int(np.searchsorted(starts, begin))
            found.append(at if at < starts.size and starts[at] == begin else None)
        return list(encoding.ids), found


def question_of(messages: Sequence[Message]) -> str:
    """A chat as the one text that models without a chat template read: its contents, a line each."""
    return "\n".join(message.content for message in messages)


def _place_of(part: Sequence[int], whole: Sequence[int]) -> int:
    for start in range(len(whole) - len(part) + 1):
        if list(whole[start : start + len(part)]) == list(part):
            return start
    return 0
