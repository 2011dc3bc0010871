"""Live candidates that are counted, and that a limit of the request ends as `abort`, as it does those of a draw."""

import asyncio
from dataclasses import dataclass, field

from service.metering.limits import RequestLimits
from service.metering.meter import Meter
from service.metering.token_budget import TokenBudget
from strategies.base.ports import LiveCandidate
from strategies.base.types import Candidate, FinishReason, Stage

_GRACE_S = 1.0
"""What a candidate that was dropped as it was being written gets to hand over its text."""


@dataclass(slots=True)
class MeteredLive:
    """A live candidate whose tokens are booked as they are generated; a fork owes only what it adds.

    At the deadline, and where no token is left to spend, `advance` ends the candidate: its text so far stays, its
    finish reason is `abort`, and so the strategy sees that it cannot go on. Nothing raises.
    """

    inner: LiveCandidate
    meter: Meter
    stage: Stage
    bounds: RequestLimits
    allowance: TokenBudget
    _booked: Candidate = field(init=False)
    _has_ended: bool = False

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
        if self.finish_reason is not None:
            return
        if self.bounds.seconds_left == 0:
            await self._end("deadline")
            return
        with self.meter.clock.phase(self.stage):
            writing = asyncio.ensure_future(self._write(max_tokens, stop))
            try:
                await asyncio.wait([writing], timeout=self.bounds.seconds_left)
                if not writing.done():
                    await self._end("deadline")
                    await asyncio.wait([writing], timeout=_GRACE_S)
                if writing.done():
                    writing.result()
            finally:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)

    async def fork(self, index: int) -> "MeteredLive":
        """A twin; one more than `max_samples` allows is born as `abort`."""
        most = self.bounds.max_samples
        twin = MeteredLive(await self.inner.fork(index), self.meter, self.stage, self.bounds, self.allowance)
        if most is not None and self.meter.samples >= most:
            await twin._end("max_samples")
        else:
            self.meter.samples += 1
        return twin

    async def drop(self) -> None:
        await self.inner.drop()
        self._note_end()

    def candidate(self) -> Candidate:
        return self.inner.candidate()

    async def _write(self, max_tokens: int, stop: str | None) -> None:
        """Advance by what is allowed at a time, to the end of the step or of `max_tokens`."""
        left = max_tokens
        while left > 0 and self.finish_reason is None:
            granted = await self.allowance.take(left)
            if not granted:
                await self._end("max_completion_tokens")
                return
            used = await self._spend(granted, stop)
            left -= used
            if used < granted or (stop and self.text.endswith(stop)):
                return

    async def _spend(self, granted: int, stop: str | None) -> int:
        before = self.tokens
        try:
            await self.inner.advance(granted, stop)
        finally:
            self._book()
            self.allowance.give_back(granted)
        return self.tokens - before

    async def _end(self, limit: str) -> None:
        self.meter.limit = limit
        await self.drop()

    def _book(self) -> None:
        """What came since the last time: an engine reads the text again where it could not keep it."""
        now, before = self.inner.candidate(), self._booked
        read = now.prompt_tokens - before.prompt_tokens
        self.meter.tokens[self.stage] += now.tokens - before.tokens
        self.meter.engine_prompt_tokens += read
        cached = now.cached_tokens - before.cached_tokens
        self.meter.cached_tokens += cached
        if self.stage == "sample" and not self.meter.prompt_tokens:
            # The first that is read for a request is its prompt and nothing else.
            self.meter.read_prompt(read, cached)
        self._booked = now
        self._note_end()
        self.meter.clock.watcher.progress()

    def _note_end(self) -> None:
        """Counted once, and among the candidates only: a judge's or a fusor's text is none."""
        if self.finish_reason is not None and not self._has_ended:
            self._has_ended = True
            self.meter.ended += self.stage == "sample"
