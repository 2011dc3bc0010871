"""How what a model generates becomes a response's parts: by its own parsers, or at `<think>…</think>`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from strategies.base.types import Parts, Tools
from strategies.parts.thinking import ThinkingSplitter, split_thinking
from strategies.parts.tool_calls import OPEN
from strategies.parts.tool_parts import with_calls


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


@dataclass(slots=True)
class CallsParser:
    """Finds the calls in what another parser takes for content. As text comes, calls are told once they are whole."""

    inner: ResponseParser
    tools: Tools
    _content: str = ""
    _shown: int = 0

    def whole(self, text: str, ids: Sequence[int]) -> Parts:
        return with_calls(self.inner.whole(text, ids), self.tools)

    def feed(self, text: str, ids: Sequence[int], *, ended: bool) -> Parts:
        new = self.inner.feed(text, ids, ended=ended)
        self._content += new.content
        if not ended:
            return replace(new, content=self._more(self._certain()))
        whole = with_calls(Parts(self._content), self.tools)
        return replace(new, content=self._more(whole.content), tool_calls=whole.tool_calls)

    def _certain(self) -> str:
        """What is said for certain: nothing where calls are forced, else the text before what may begin a call."""
        if self.tools.choice != "auto":
            return ""
        said, tag, _ = self._content.partition(OPEN)
        if not tag:
            held = next((n for n in range(len(OPEN) - 1, 0, -1) if said.endswith(OPEN[:n])), 0)
            said = said[: len(said) - held]
        return said if said.strip() else ""

    def _more(self, content: str) -> str:
        new, self._shown = content[self._shown :], max(self._shown, len(content))
        return new
