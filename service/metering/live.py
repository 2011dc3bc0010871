"""Live candidates with every token booked as it is generated."""

from dataclasses import dataclass, field

from service.metering.meter import Meter
from strategies.base.ports import LiveCandidate
from strategies.base.types import Candidate, FinishReason, Stage


@dataclass(slots=True)
class MeteredLive:
    """A live candidate whose tokens are booked as they are generated; a fork owes only what it adds."""

    inner: LiveCandidate
    meter: Meter
    stage: Stage

    _booked: Candidate = field(init=False)

    def __post_init__(self) -> None:
        self._booked = self.inner.candidate()

    @property
    def index(self) -> int:
        return self.inner.index

    @property
    def text(self) -> str:
        return self.inner.text

    @property
    def tokens(self) -> int:
        return self.inner.tokens

    @property
    def finish_reason(self) -> FinishReason | None:
        return self.inner.finish_reason

    async def advance(self, max_tokens: int, stop: str | None = None) -> None:
        try:
            with self.meter.clock.phase(self.stage):
                await self.inner.advance(max_tokens, stop)
        finally:
            self._book()

    async def fork(self, index: int) -> "MeteredLive":
        self.meter.samples += 1
        return MeteredLive(await self.inner.fork(index), self.meter, self.stage)

    async def drop(self) -> None:
        await self.inner.drop()

    def candidate(self) -> Candidate:
        return self.inner.candidate()

    def _book(self) -> None:
        """What came since the last time: an engine reads the text again where it could not keep it."""
        now, before = self.inner.candidate(), self._booked
        self.meter.tokens[self.stage] += now.tokens - before.tokens
        self.meter.engine_prompt_tokens += now.prompt_tokens - before.prompt_tokens
        self.meter.cached_tokens += now.cached_tokens - before.cached_tokens
        self._booked = now
