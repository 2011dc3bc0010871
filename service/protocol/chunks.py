"""What the chunks of both kinds of stream have in common: how they end."""

from abc import ABC, abstractmethod
from typing import Any

from service.metering.run import RunResult
from service.protocol.explanation import explanation
from service.protocol.usage import usage
from strategies.base.ports import Delta
from strategies.base.types import Candidate


class ChunkStream(ABC):
    """The chunks of one streamed reply, in order: opening, any number of texts, end."""

    def __init__(self, head: dict[str, Any], *, include_usage: bool) -> None:
        self.head = head
        self._include_usage = include_usage

    @abstractmethod
    def opening(self, n: int) -> list[dict[str, Any]]:
        """What comes before any text, for each of `n` choices."""

    @abstractmethod
    def piece(self, index: int, new: Candidate | Delta) -> list[dict[str, Any]]:
        """What is new of one choice: a part as it was generated, or all of it."""

    @abstractmethod
    def closing(self, index: int, reason: str) -> dict[str, Any]:
        """The end of one choice."""

    def end(self, run: RunResult) -> list[dict[str, Any]]:
        """Every choice closed; the last chunk carries the explanation, and the usage when it was asked for.

        A chunk without choices is sent only for the usage, as OpenAI does: some clients read `choices[0]` blindly.
        """
        chunks = [self.closing(i, c.finish_reason) for i, c in enumerate(run.outcome.answers)]
        if self._include_usage:
            chunks.append(self.head | {"choices": [], "usage": usage(run)})
        chunks[-1] |= explanation(run)
        return chunks
