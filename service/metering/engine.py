"""The engine as a strategy sees it: every token counted, every limit kept, live tokens passed on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from service.metering.limits import RequestLimits
from service.metering.live_candidate import MeteredLive
from service.metering.meter import Meter
from service.metering.parts import joined
from service.metering.token_budget import TokenBudget
from strategies.base.ports import Delta, Engine, LiveCandidate, OnDelta, StreamFilter
from strategies.base.types import Candidate, Prompt, Stage


@dataclass(slots=True)
class _Draw:
    """What is known of the candidates in flight: the text and tokens of those that have not ended.

    `prompt_tokens` is what the engine read for one that has: it read as much for each that has begun to speak, and
    found as much of it in its cache (`cached_tokens`, the most that one has: only the first finds less).
    """

    meter: Meter
    deltas: dict[int, list[Delta]] = field(default_factory=dict)
    tokens: dict[int, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    cached_tokens: int = 0

    def add(self, delta: Delta) -> None:
        self.deltas.setdefault(delta.index, []).append(delta)
        self.tokens[delta.index] = self.tokens.get(delta.index, 0) + delta.tokens
        self.meter.in_flight += delta.tokens
        self.meter.clock.watcher.progress()

    def end(self, candidate: Candidate) -> None:
        self.deltas.pop(candidate.index, None)
        self.meter.in_flight -= self.tokens.pop(candidate.index, 0)
        self.prompt_tokens = max(self.prompt_tokens, candidate.prompt_tokens)
        self.cached_tokens = max(self.cached_tokens, candidate.cached_tokens)

    def aborted(self) -> list[Candidate]:
        return [
            Candidate(
                i,
                "".join(delta.text for delta in self.deltas[i]),
                self.tokens[i],
                "abort",
                self.prompt_tokens,
                self.cached_tokens,
                parts=joined(self.deltas[i]),
            )
            for i in sorted(self.deltas)
        ]


def _nothing_live(stage: Stage) -> StreamFilter | None:
    return None


@dataclass(slots=True)
class MeteredEngine:
    """Counts every token, ends a draw at the request's limits, and passes live tokens on to the client.

    A draw that meets a limit delivers what it has, unfinished candidates as `abort`, and then ends; live candidates
    end as `abort` when they are next advanced. A strategy sees fewer candidates, never an exception.
    `view` filters what `listener` hears of each draw; `others` serve their stages in place of `inner`.
    """

    inner: Engine
    meter: Meter
    bounds: RequestLimits
    view: Callable[[Stage], StreamFilter | None] = _nothing_live
    listener: OnDelta | None = None
    others: Mapping[Stage, Engine] = field(default_factory=dict)
    _allowance: TokenBudget = field(init=False)

    def __post_init__(self) -> None:
        self._allowance = TokenBudget(self.meter, self.bounds.live_tokens)

    @asynccontextmanager
    async def sample(
        self,
        prompt: Prompt,
        n: int,
        *,
        stage: Stage = "sample",
        start: int | None = None,
        on_delta: OnDelta | None = None,
    ) -> AsyncIterator[AsyncIterator[Candidate]]:
        allowed = self._allowed(n, stage)
        first = self.meter.samples if start is None else start
        self._begin(allowed, stage)
        draw = _Draw(self.meter)
        listener = self._listener(stage, draw, on_delta)
        with self.meter.clock.phase(stage):
            if allowed == 0:
                yield _nothing()
                return
            async with self.others.get(stage, self.inner).sample(
                prompt, allowed, stage=stage, start=first, on_delta=listener
            ) as stream:
                try:
                    yield self._counted(stream, stage, draw)
                finally:
                    for candidate in draw.aborted():
                        draw.end(candidate)
                        self.meter.count(candidate, stage)

    @asynccontextmanager
    async def open(
        self, prompt: Prompt, n: int, *, stage: Stage = "sample", start: int | None = None
    ) -> AsyncIterator[Sequence[LiveCandidate]]:
        allowed = self._allowed(n, stage)
        first = self.meter.samples if start is None else start
        self._begin(allowed, stage)
        async with self.others.get(stage, self.inner).open(
            prompt, allowed, stage=stage, start=first
        ) as opened:
            yield [MeteredLive(live, self.meter, stage, self.bounds, self._allowance) for live in opened]

    def _begin(self, allowed: int, stage: Stage) -> None:
        """Only what is drawn counts as a sample, and takes a number among the candidates."""
        self.meter.samples += allowed if stage == "sample" else 0
        self.meter.engines.add(id(self.others.get(stage, self.inner)))

    def _allowed(self, n: int, stage: Stage) -> int:
        """How many of `n` may start: `max_samples` counts candidates, not what a judge or a fusor says of them."""
        if self.bounds.max_samples is None or stage != "sample":
            return n
        left = self.bounds.max_samples - self.meter.samples
        if left < n:
            self.meter.limit = "max_samples"
        return max(min(left, n), 0)

    def _listener(self, stage: Stage, draw: _Draw, on_delta: OnDelta | None) -> OnDelta | None:
        """Follow the tokens only where somebody needs to know them as they come: it costs a little speed."""
        listeners = [listener for listener in (on_delta, self._shown(stage)) if listener is not None]
        if listeners or self.bounds.follow:
            # What a client has seen must be in the answer, also if a limit ends it.
            listeners.append(draw.add)
        if not listeners:
            return None

        def listen(delta: Delta) -> None:
            for listener in listeners:
                listener(delta)

        return listen

    def _shown(self, stage: Stage) -> OnDelta | None:
        """The request's listener behind the view of one draw, if there are both."""
        listener, view = self.listener, self.view(stage)
        if listener is None or view is None:
            return None

        def show(delta: Delta) -> None:
            if (shown := view(delta)) is not None:
                # Whatever was read for this stage: the request's prompt is what its candidates were drawn from.
                listener(replace(shown, prompt_tokens=self.meter.prompt_tokens or delta.prompt_tokens))

        return show

    async def _counted(
        self, stream: AsyncIterator[Candidate], stage: Stage, draw: _Draw
    ) -> AsyncIterator[Candidate]:
        while (candidate := await self._next(stream, draw)) is not None:
            draw.end(candidate)
            self.meter.count(candidate, stage)
            yield candidate
        for candidate in draw.aborted():
            draw.end(candidate)
            self.meter.count(candidate, stage)
            yield candidate

    async def _next(self, stream: AsyncIterator[Candidate], draw: _Draw) -> Candidate | None:
        """The next candidate; None at the end of the draw or at a limit, which is then noted."""
        coming = asyncio.ensure_future(anext(stream, None))
        try:
            while not coming.done():
                if limit := self._limit_met():
                    self.meter.limit = limit
                    return None
                await asyncio.wait([coming], timeout=self._patience())
            return coming.result()
        finally:
            if not coming.done():
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

    def _limit_met(self) -> str | None:
        if self.bounds.seconds_left == 0:
            return "deadline"
        most = self.bounds.max_completion_tokens
        if most is not None and self.meter.completion_tokens + self.meter.in_flight >= most:
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
