"""One request, from its parameters to its outcome: admitted, metered, bounded by its budget, cancelled as a whole."""

import asyncio
import time
from dataclasses import dataclass, replace

from service.admission import Admission, check_size
from service.engine.base import ServedEngine
from service.metering.bounds import Bounds
from service.metering.engine import MeteredEngine
from service.metering.meter import Meter
from service.metering.scorers import MeteredScorers
from service.metrics import Metrics
from service.settings import Limits
from strategies.base.errors import DeadlineExceeded, EngineFailed, NbestError
from strategies.base.ports import Engine, OnDelta, Scorers
from strategies.base.strategy import Strategy
from strategies.base.types import Outcome, Prompt


@dataclass(frozen=True, slots=True)
class Run:
    """A finished request: what was asked, what was decided, and what it cost."""

    strategy: Strategy
    prompt: Prompt
    outcome: Outcome
    meter: Meter


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs strategies against one engine and one set of scorers."""

    engine: ServedEngine
    scorers: Scorers
    admission: Admission
    limits: Limits
    metrics: Metrics

    def check(self, strategy: Strategy, prompt: Prompt) -> None:
        """Refuse what can never succeed, before anything is queued or drawn."""
        check_size(strategy, prompt.decoding, prompt.k, self.limits)
        if strategy.scorer_kinds:
            name = getattr(strategy, "scorer", None) or self.scorers.default(strategy.scorer_kinds)
            self.scorers.kind(name)

    async def run(
        self, strategy: Strategy, prompt: Prompt, *, route: str, listener: OnDelta | None = None
    ) -> Run:
        """Draw, score and select. Cancelling this stops the engine's work for the request within a moment."""
        self.check(strategy, prompt)
        meter = Meter()
        bounds = self._bounds(strategy)
        try:
            async with self.admission.place(meter.clock, bounds.seconds_left):
                run = await self._admitted(strategy, prompt, meter, bounds, listener)
        except BaseException as error:
            self.metrics.requests.labels(route, strategy.name, _word(error)).inc()
            raise
        self._book(run, route)
        return run

    async def select(self, strategy: Strategy, prompt: Prompt, engine: Engine, scorers: Scorers) -> Run:
        """Let a strategy choose among candidates that `engine` brings: the same code, and nothing is generated."""
        meter, bounds = Meter(), self._bounds(strategy)
        metered = MeteredScorers(scorers, meter, bounds, self.metrics)
        async with self.admission.place(meter.clock, bounds.seconds_left):
            outcome = await strategy.run(prompt, engine, metered)
        run = Run(strategy, prompt, outcome, meter)
        self._book(run, "select")
        return run

    async def _admitted(
        self, strategy: Strategy, prompt: Prompt, meter: Meter, bounds: Bounds, listener: OnDelta | None
    ) -> Run:
        engine = MeteredEngine(self.engine, meter, bounds, strategy.live_stages, listener)
        scorers = MeteredScorers(self.scorers, meter, bounds, self.metrics)
        outcome = await strategy.run(prompt, engine, scorers)
        if not outcome.selected:
            raise _why_nothing(meter)
        if meter.limit is not None and outcome.degraded in (None, "no_valid_candidate"):
            outcome = replace(outcome, degraded=meter.limit)
        return Run(strategy, prompt, outcome, meter)

    def _bounds(self, strategy: Strategy) -> Bounds:
        budget = strategy.budget
        milliseconds = budget.deadline_ms or self.limits.deadline_ms
        return Bounds(
            deadline=time.monotonic() + milliseconds / 1000,
            follow=budget.deadline_ms is not None or budget.max_completion_tokens is not None,
            max_samples=budget.max_samples,
            max_completion_tokens=budget.max_completion_tokens,
        )

    def _book(self, run: Run, route: str) -> None:
        metrics, name, meter = self.metrics, run.strategy.name, run.meter
        metrics.requests.labels(route, name, "degraded" if run.outcome.degraded else "ok").inc()
        for verdict in run.outcome.verdicts:
            metrics.candidates.labels(name, verdict.fate).inc()
        for stage, tokens in meter.tokens.items():
            metrics.tokens.labels(stage).inc(tokens)
        metrics.tokens.labels("prompt").inc(meter.engine_prompt_tokens)
        metrics.tokens.labels("reward_model").inc(meter.reward_model_tokens)
        if run.outcome.degraded:
            metrics.degraded.labels(run.outcome.degraded).inc()
        phases = meter.time_ms()
        for phase, ms in phases.items():
            metrics.phases.labels(name, phase).observe(ms / 1000)
        metrics.duration.labels(name).observe(sum(phases.values()) / 1000)


def _why_nothing(meter: Meter) -> NbestError:
    if meter.limit == "deadline":
        return DeadlineExceeded("the deadline passed before there was any answer")
    return EngineFailed("the engine failed on every candidate")


def _word(error: BaseException) -> str:
    """The metric label of an error: its class where it is ours, so that the set stays closed."""
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    return type(error).__name__ if isinstance(error, NbestError) else "internal_error"
