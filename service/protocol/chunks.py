"""What the chunks of both kinds of stream have in common: how they begin, how they end, and the usage in them."""

from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

from service.metering.run import RunResult
from service.protocol.explanation import explanation
from service.protocol.usage import usage
from strategies.base.ports import Delta
from strategies.base.types import Candidate


class ChunkStream(ABC):
    """The chunks of one streamed reply, in order: `begin`, any number of `add`, `end`."""

    def __init__(self, head: dict[str, Any], include_usage: bool, continuous_usage: bool = False) -> None:
        self.head = head
        self._include_usage = include_usage
        self._continuous_usage = continuous_usage
        self._prompt_tokens = 0
        self._tokens: Counter[int] = Counter()

    @abstractmethod
    def opening(self, n: int) -> list[dict[str, Any]]:
        """What comes before any text, for each of `n` choices."""

    @abstractmethod
    def piece(self, index: int, new: Candidate | Delta) -> list[dict[str, Any]]:
        """What is new of one choice: a part as it was generated, or all of it."""

    @abstractmethod
    def closing(self, index: int, candidate: Candidate) -> dict[str, Any]:
        """The end of one choice."""

    def begin(self, n: int, prompt_tokens: int) -> list[dict[str, Any]]:
        """The opening chunks of `n` choices, which answer a prompt of so many tokens."""
        self._prompt_tokens = prompt_tokens
        return self._with_usage(self.opening(n))

    def add(self, index: int, new: Candidate | Delta) -> list[dict[str, Any]]:
        """What is new of one choice."""
        self._tokens[index] += new.tokens
        return self._with_usage(self.piece(index, new))

    def end(self, run: RunResult) -> list[dict[str, Any]]:
        """Every choice closed; the last chunk carries the explanation, and the usage when it was asked for.

        A chunk without choices is sent only for the usage, as OpenAI does: some clients read `choices[0]` blindly.
        """
        chunks = []
        for i, candidate in enumerate(run.outcome.answers):
            # A stage may show less than it generated.
            self._tokens[i] = candidate.tokens
            chunks += self._with_usage([self.closing(i, candidate)])
        if self._include_usage:
            chunks.append(self.head | {"choices": [], "usage": usage(run)})
        chunks[-1] |= explanation(run)
        return chunks

    def _with_usage(self, chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """As vLLM's `continuous_usage_stats` does: what was used up to a chunk by the choice that it belongs to."""
        if not self._continuous_usage:
            return chunks
        return [chunk | {"usage": self._so_far(chunk["choices"][0]["index"])} for chunk in chunks]

    def _so_far(self, index: int) -> dict[str, int]:
        prompt, completion = self._prompt_tokens, self._tokens[index]
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
