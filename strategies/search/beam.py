"""One candidate of a search: what it says so far, what was thought of it, and where it was rejected."""

from dataclasses import dataclass, field

from strategies.base.ports import LiveCandidate
from strategies.base.types import Rejection, Score


@dataclass(slots=True, eq=False)
class Beam:
    """A live candidate and its standing.

    `score` is that of its text as it stands, `last` the last number that it got, maybe for less text. `rejected_at`
    without `is_rejected` marks one that a search in shadow would have rejected, or that descends from one;
    `marked` is how many tokens it had when it was marked.
    """

    live: LiveCandidate
    score: Score = field(default_factory=Score)
    last: Score = field(default_factory=Score)
    rejected_at: Rejection | None = None
    is_rejected: bool = False
    marked: int | None = None
    _step_text: int = 0
    _step_tokens: int = 0

    @property
    def is_active(self) -> bool:
        """It can still be written."""
        return self.live.finish_reason is None and not self.is_rejected

    @property
    def is_answer(self) -> bool:
        """It ended by itself and says something."""
        return self.live.finish_reason == "stop" and self.live.candidate().is_valid

    def begin_step(self) -> None:
        """What is written from here on is the next step."""
        self._step_text, self._step_tokens = len(self.live.text), self.live.tokens

    async def write(self, most: int, delimiter: str) -> None:
        """Write on until the step has `most` tokens or ends; blank text is no step, so that is written past."""
        while self.is_active and not self._has_ended(delimiter):
            before = self.live.tokens
            left = most - (before - self._step_tokens)
            if left > 0:
                await self.live.advance(left, delimiter)
            if self.live.tokens == before:
                return

    async def write_to(self, tokens: int) -> None:
        """Write on until the whole answer has so many tokens."""
        while self.is_active and (before := self.live.tokens) < tokens:
            await self.live.advance(tokens - before)
            if self.live.tokens == before:
                return

    async def reject(self, rejection: Rejection) -> None:
        """Give it up, and free what it holds in the engine."""
        self.rejected_at, self.is_rejected = rejection, True
        await self.live.drop()

    def mark(self, rejection: Rejection) -> None:
        """Note that it would have been rejected; the first time is the one that counts."""
        self.rejected_at = self.rejected_at or rejection
        self.marked = self.live.tokens

    async def fork(self, index: int) -> "Beam":
        """A twin that goes its own way from here; it inherits a mark."""
        return Beam(await self.live.fork(index), self.score, self.last, self.rejected_at)

    def _has_ended(self, delimiter: str) -> bool:
        step = self.live.text[self._step_text :]
        return step.endswith(delimiter) and bool(step.replace(delimiter, "").strip())
