"""The engine as a strategy sees it: every token counted, every limit kept, live tokens passed on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from service.metering.bounds import Bounds
from service.metering.live import MeteredLive
from service.metering.meter import Meter
from strategies.base.ports import Delta, Engine, LiveCandidate, OnDelta
from strategies.base.types import Candidate, Prompt, Stage


@dataclass(slots=True)
class _Draw:
    """What is known of the candidates in flight: the text and tokens of those that have not ended."""

    parts: dict[int, list[str]] = field(default_factory=dict)
    tokens: dict[int, int] = field(default_factory=dict)

    def add(self, delta: Delta) -> None:
        self.parts.setdefault(delta.index, []).append(delta.text)
        self.tokens[delta.index] = self.tokens.get(delta.index, 0) + delta.tokens

    def end(self, index: int) -> None:
        self.parts.pop(index, None)
        self.tokens.pop(index, None)

    def aborted(self) -> list[Candidate]:
        return [Candidate(i, "".join(self.parts[i]), self.tokens[i], "abort") for i in sorted(self.parts)]


@dataclass(slots=True)
class MeteredEngine:
    """Counts every token, ends a draw at the request's limits, and passes live tokens on to the client.

    A draw that meets a limit delivers what it has, unfinished candidates as `abort`, and then ends:
    a strategy sees fewer candidates, never an exception.
    """

    inner: Engine
    meter: Meter
    bounds: Bounds
    live_stages: frozenset[Stage] = frozenset()
    listener: OnDelta | None = None

    @asynccontextmanager
    async def sample(
        self,
        prompt: Prompt,
        n: int,
        *,
        stage: Stage = "draw",
        start: int | None = None,
        on_delta: OnDelta | None = None,
    ) -> AsyncIterator[AsyncIterator[Candidate]]:
        allowed = self._allowed(n)
        first = self.meter.samples if start is None else start
        self.meter.samples += allowed
        draw = _Draw()
        listener = self._listener(stage, draw, on_delta)
        with self.meter.clock.phase(stage):
            if allowed == 0:
                yield _nothing()
                return
            async with self.inner.sample(
                prompt, allowed, stage=stage, start=first, on_delta=listener
            ) as stream:
                try:
                    yield self._counted(stream, stage, draw)
                finally:
                    for candidate in draw.aborted():
                        self.meter.count(candidate, stage)

    @asynccontextmanager
    async def open(
        self, prompt: Prompt, n: int, *, stage: Stage = "draw", start: int | None = None
    ) -> AsyncIterator[Sequence[LiveCandidate]]:
        allowed = self._allowed(n)
        first = self.meter.samples if start is None else start
        self.meter.samples += allowed
        async with self.inner.open(prompt, allowed, stage=stage, start=first) as opened:
            yield [MeteredLive(live, self.meter, stage) for live in opened]

    def _allowed(self, n: int) -> int:
        if self.bounds.max_samples is None:
            return n
        left = self.bounds.max_samples - self.meter.samples
        if left < n:
            self.meter.limit = "max_samples"
        return max(min(left, n), 0)

    def _listener(self, stage: Stage, draw: _Draw, on_delta: OnDelta | None) -> OnDelta | None:
        """Follow the tokens only where somebody needs to know them as they come: it costs a little speed."""
        wanted = [on_delta, self.listener if stage in self.live_stages else None]
        listeners = [listener for listener in wanted if listener is not None]
        if self.bounds.follow:
            listeners.append(draw.add)
        if not listeners:
            return None

        def listen(delta: Delta) -> None:
            for listener in listeners:
                listener(delta)

        return listen

    async def _counted(
        self, stream: AsyncIterator[Candidate], stage: Stage, draw: _Draw
    ) -> AsyncIterator[Candidate]:
        while (candidate := await self._next(stream, draw)) is not None:
            draw.end(candidate.index)
            self.meter.count(candidate, stage)
            yield candidate
        for candidate in draw.aborted():
            draw.end(candidate.index)
            self.meter.count(candidate, stage)
            yield candidate

    async def _next(self, stream: AsyncIterator[Candidate], draw: _Draw) -> Candidate | None:
        """The next candidate; None at the end of the draw or at a limit, which is then noted."""
        coming = asyncio.ensure_future(anext(stream, None))
        try:
            while not coming.done():
                if limit := self._limit_met(draw):
                    self.meter.limit = limit
                    return None
                await asyncio.wait([coming], timeout=self._patience())
            return coming.result()
        finally:
            if not coming.done():
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

    def _limit_met(self, draw: _Draw) -> str | None:
        if self.bounds.seconds_left == 0:
            return "deadline"
        most = self.bounds.max_completion_tokens
        if most is not None and self.meter.completion_tokens + sum(draw.tokens.values()) >= most:
            return "max_completion_tokens"
        return None

    def _patience(self) -> float | None:
        """How long to wait before looking at the limits again."""
        if self.bounds.max_completion_tokens is not None:
            return 0.01
        return self.bounds.seconds_left


async def _nothing() -> AsyncIterator[Candidate]:
    """A draw of no candidates."""
    no_candidates: tuple[Candidate, ...] = ()
    for candidate in no_candidates:
        yield candidate
