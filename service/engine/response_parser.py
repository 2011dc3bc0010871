"""How what a model generates becomes a response's parts: by its own parsers, or at `<think>…</think>`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from strategies.answers.thinking import ThinkingSplitter, split_thinking
from strategies.base.types import Parts


class ResponseParser(Protocol):
    """Takes one response apart, whole or as it is generated; one for each candidate."""

    def whole(self, text: str, ids: Sequence[int]) -> Parts:
        """The parts of a response as it stands; one that cannot be read has a flaw."""

    def feed(self, text: str, ids: Sequence[int], *, ended: bool) -> Parts:
        """What is new of each part with this text; joined, until `ended`, the parts of the whole."""


TokensWithin = Callable[[Sequence[int], int], int]
"""How many leading tokens spell no more than so many characters."""


def reasoning_tokens(text: str, parts: Parts, ids: Sequence[int], tokens_within: TokensWithin) -> int:
    """The tokens of the thinking, from its first character to its last; tags count where they share a token."""
    if not parts.reasoning:
        return 0
    start = max(text.find(parts.reasoning), 0)
    return tokens_within(ids, start + len(parts.reasoning)) - tokens_within(ids, start)


@dataclass(slots=True)
class ThinkParser:
    """Splits at the tags alone, for models without a parser; `opened`: the prompt ended with the opening tag."""

    tokens_within: TokensWithin
    opened: bool = False
    _splitter: ThinkingSplitter = field(init=False)

    def __post_init__(self) -> None:
        self._splitter = ThinkingSplitter(self.opened)

    def whole(self, text: str, ids: Sequence[int]) -> Parts:
        parts = split_thinking(text, opened=self.opened)
        return replace(parts, reasoning_tokens=reasoning_tokens(text, parts, ids, self.tokens_within))

    def feed(self, text: str, ids: Sequence[int], *, ended: bool) -> Parts:
        return self._splitter.feed(text, ended=ended)
