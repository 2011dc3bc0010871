"""The engine and the scorers as a strategy sees them: counted, limited, timed and checked, once for all strategies."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from service.meter import Meter
from service.metrics import Metrics
from strategies.base.errors import ScorerFailed
from strategies.base.ports import (
    Delta,
    Engine,
    LiveCandidate,
    OnDelta,
    OutcomeScorer,
    OutcomeScores,
    ScorerKind,
    Scorers,
    StepScorer,
    StepScores,
)
from strategies.base.types import Candidate, Prompt, Stage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bounds:
    """A request's limits, resolved: the deadline as a monotonic time in seconds; None is no limit of its own.

    `follow` watches candidates token by token, so that what a limit cuts off is still returned and counted.
    """

    deadline: float | None = None
    follow: bool = False
    max_samples: int | None = None
    max_completion_tokens: int | None = None

    @property
    def seconds_left(self) -> float | None:
        return None if self.deadline is None else max(self.deadline - time.monotonic(), 0.0)


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
        with self.meter.clock.phase(stage):
            async with self.inner.open(prompt, allowed, stage=stage, start=first) as opened:
                try:
                    yield opened
                finally:
                    for live in opened:
                        self.meter.count(live.candidate(), stage)

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


@dataclass(slots=True)
class MeteredScorers:
    """The loaded scorers, with every answer counted, timed and checked."""

    inner: Scorers
    meter: Meter
    bounds: Bounds
    metrics: Metrics

    def kind(self, name: str) -> ScorerKind:
        return self.inner.kind(name)

    def default(self, kinds: Sequence[ScorerKind]) -> str:
        return self.inner.default(kinds)

    def outcome(self, name: str | None) -> OutcomeScorer:
        return MeteredOutcomeScorer(self.inner.outcome(name), self)

    def step(self, name: str | None) -> StepScorer:
        return MeteredStepScorer(self.inner.step(name), self)

    async def ask(self, scorer: str, call: Callable[[], Awaitable[T]], none: T) -> T:
        """Run one scoring call within the deadline; at the deadline there is no score, and it is noted."""
        try:
            with self.meter.clock.phase("score"):
                async with asyncio.timeout(self.bounds.seconds_left):
                    return await call()
        except TimeoutError:
            self.meter.limit = "deadline"
            return none
        except ScorerFailed as error:
            self.metrics.scorer_errors.labels(scorer, error.reason).inc()
            raise

    def count(self, tokens: int, cached: int) -> None:
        self.meter.reward_model_tokens += tokens
        self.meter.reward_model_cached_tokens += cached


@dataclass(frozen=True, slots=True)
class MeteredOutcomeScorer:
    """An outcome scorer whose answers are counted and checked: one finite number, or none, for each text."""

    inner: OutcomeScorer
    scorers: MeteredScorers

    @property
    def name(self) -> str:
        return self.inner.name

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        none = OutcomeScores((None,) * len(texts))
        scores = await self.scorers.ask(self.name, lambda: self._checked(prompt, texts), none)
        self.scorers.count(scores.tokens, scores.cached)
        return scores

    async def _checked(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        scores = await self.inner.score(prompt, texts)
        _check_length(self.name, len(scores.values), len(texts), "texts")
        _check_finite(self.name, [value for value in scores.values if value is not None])
        return scores


@dataclass(frozen=True, slots=True)
class MeteredStepScorer:
    """A step scorer whose answers are counted and checked: one finite number for each step, or none for an answer."""

    inner: StepScorer
    scorers: MeteredScorers

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def delimiter(self) -> str:
        return self.inner.delimiter

    async def score(self, prompt: Prompt, answers: Sequence[Sequence[str]]) -> StepScores:
        none = StepScores((None,) * len(answers))
        scores = await self.scorers.ask(self.name, lambda: self._checked(prompt, answers), none)
        self.scorers.count(scores.tokens, scores.cached)
        return scores

    async def _checked(self, prompt: Prompt, answers: Sequence[Sequence[str]]) -> StepScores:
        scores = await self.inner.score(prompt, answers)
        _check_length(self.name, len(scores.values), len(answers), "answers")
        for steps, values in zip(answers, scores.values, strict=True):
            if values is not None:
                _check_length(self.name, len(values), len(steps), "steps")
                _check_finite(self.name, values)
        return scores


def _check_length(scorer: str, got: int, asked: int, what: str) -> None:
    if got != asked:
        message = f"scorer {scorer!r} gave {got} scores for {asked} {what}"
        raise ScorerFailed(message, scorer=scorer, reason="short_answer")


def _check_finite(scorer: str, values: Sequence[float]) -> None:
    if not all(map(math.isfinite, values)):
        raise ScorerFailed(
            f"scorer {scorer!r} gave a number that is not finite", scorer=scorer, reason="not_finite"
        )
