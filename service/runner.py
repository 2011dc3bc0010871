"""One request, from its parameters to its outcome: admitted, metered, bounded by its budget, cancelled as a whole."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from service.admission.bounds import check_prompt
from service.admission.cost import Cost, check_size, cost_of
from service.admission.gate import Admission
from service.engine.base import ServedEngine
from service.limits import Limits
from service.metering.bounds import Bounds
from service.metering.engine import MeteredEngine
from service.metering.meter import Meter
from service.metering.scorers import MeteredScorers
from service.metrics import Metrics
from service.observing.watching import watched, word_of
from service.reward_models.base import ServedScorers
from strategies.answers.equivalence import Undecided
from strategies.base.errors import DeadlineExceeded, EngineFailed, InvalidRequest, NbestError, NotFound
from strategies.base.ports import Engine, Equivalence, OnDelta, Scorers
from strategies.base.strategy import Strategy
from strategies.base.types import Outcome, Prompt


@dataclass(frozen=True, slots=True)
class Parameters:
    """How many parameters the models have, where that is known."""

    generator: int | None = None
    scorers: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """A finished request: what was asked, what was decided, and what it cost on models of what size."""

    strategy: Strategy
    prompt: Prompt
    outcome: Outcome
    meter: Meter
    parameters: Parameters = Parameters()


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs strategies against one engine and one set of scorers."""

    engine: ServedEngine
    scorers: ServedScorers
    admission: Admission
    limits: Limits
    metrics: Metrics
    fusors: Mapping[str, ServedEngine] = field(default_factory=dict)
    equivalence: Equivalence = field(default_factory=Undecided)

    def check(self, strategy: Strategy, prompt: Prompt) -> None:
        """Refuse what can never succeed, before anything is queued or drawn."""
        check_prompt(prompt, self.limits)
        check_size(strategy, prompt.decoding, prompt.k, self.limits)
        for fusor in strategy.generators.values():
            if fusor not in self.fusors:
                known = ", ".join(self.fusors) or "none"
                message = f"no fusor {fusor!r} is configured; configured are: {known}"
                raise NotFound(message, param="strategy.fusor")
        if strategy.uses_scorer:
            name = getattr(strategy, "scorer", None) or self.scorers.default(strategy.scorer_kinds)
            if (kind := self.scorers.kind(name)) not in strategy.scorer_kinds:
                wanted = " or ".join(strategy.scorer_kinds)
                fit = [info.name for info in self.scorers.describe() if info.kind in strategy.scorer_kinds]
                message = (
                    f"{strategy.name} needs a scorer of kind {wanted}; {name!r} is of kind {kind}; "
                    f"loaded of that kind: {', '.join(fit) or 'none'}"
                )
                raise InvalidRequest(message, param="strategy.scorer")
        strategy.check_scorer(self.scorers)

    async def run(
        self, strategy: Strategy, prompt: Prompt, *, route: str, listener: OnDelta | None = None
    ) -> Run:
        """Draw, score and select. Cancelling this stops the engine's work for the request within a moment."""
        self.check(strategy, prompt)
        meter = Meter()
        bounds, cost = self._bounds(strategy), cost_of(strategy, prompt, self.limits)
        try:
            with watched(meter, strategy.name) as watch:
                async with self.admission.place(meter, cost, bounds.seconds_left):
                    run = await self._admitted(strategy, prompt, meter, bounds, listener)
                watch.outcome = _word(run.outcome)
        except BaseException as error:
            self.metrics.requests.labels(route, strategy.name, word_of(error)).inc()
            raise
        self._book(run, route)
        return run

    async def select(
        self, strategy: Strategy, prompt: Prompt, engine: Engine, scorers: Scorers, cost: Cost
    ) -> Run:
        """Let a strategy choose among candidates that `engine` brings: the same code, and nothing is generated."""
        meter, bounds = Meter(), self._bounds(strategy)
        metered = MeteredScorers(scorers, meter, bounds, self.metrics, self.equivalence)
        with watched(meter, strategy.name) as watch:
            async with self.admission.place(meter, cost, bounds.seconds_left):
                outcome = _told(await strategy.run(prompt, engine, metered), meter)
                _check_deadline(strategy, meter)
            watch.outcome = _word(outcome)
        run = Run(strategy, prompt, outcome, meter, self._parameters(strategy, meter))
        self._book(run, "select")
        return run

    async def _admitted(
        self, strategy: Strategy, prompt: Prompt, meter: Meter, bounds: Bounds, listener: OnDelta | None
    ) -> Run:
        others = {stage: self.fusors[name] for stage, name in strategy.generators.items()}
        engine = MeteredEngine(
            self.engine, meter, bounds, lambda stage: strategy.live_view(stage, prompt.k), listener, others
        )
        scorers = MeteredScorers(self.scorers, meter, bounds, self.metrics, self.equivalence)
        outcome = await strategy.run(prompt, engine, scorers)
        _check_deadline(strategy, meter)
        if not outcome.selected:
            raise _why_nothing(meter)
        if meter.limit is not None and outcome.degraded in (None, "no_valid_candidate"):
            outcome = replace(outcome, degraded=meter.limit)
        return Run(strategy, prompt, _told(outcome, meter), meter, self._parameters(strategy, meter))

    def _parameters(self, strategy: Strategy, meter: Meter) -> Parameters:
        """The sizes of the models; where other generators shared the work, theirs is no one number."""
        scorers = {info.name: info.parameters for info in self.scorers.describe()}
        is_shared = strategy.generators or meter.engines - {id(self.engine)}
        return Parameters(None if is_shared else self.engine.info.parameters, scorers)

    def _bounds(self, strategy: Strategy) -> Bounds:
        budget = strategy.budget
        milliseconds = budget.deadline_ms or self.limits.deadline_ms
        return Bounds(
            deadline=time.monotonic() + milliseconds / 1000,
            follow=strategy.stops_early
            or budget.deadline_ms is not None
            or budget.max_completion_tokens is not None,
            max_samples=budget.max_samples,
            max_completion_tokens=budget.max_completion_tokens,
            max_request_tokens=self.limits.max_request_tokens,
        )

    def _book(self, run: Run, route: str) -> None:
        metrics, name, meter = self.metrics, run.strategy.name, run.meter
        metrics.requests.labels(route, name, _word(run.outcome)).inc()
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


def _told(outcome: Outcome, meter: Meter) -> Outcome:
    """A score for the end of a text alone is less than was asked for, and the reply says so."""
    if not meter.truncated_texts or outcome.degraded is not None:
        return outcome
    return replace(outcome, degraded="scorer_input_truncated")


def _check_deadline(strategy: Strategy, meter: Meter) -> None:
    """DeadlineExceeded where the request prefers an error to less than it asked for."""
    if meter.limit == "deadline" and strategy.budget.on_deadline == "error":
        raise DeadlineExceeded("the deadline passed before the work was done (budget.on_deadline: error)")


def _why_nothing(meter: Meter) -> NbestError:
    if meter.limit == "deadline":
        return DeadlineExceeded("the deadline passed before there was any answer")
    return EngineFailed("the engine failed on every candidate")


def _word(outcome: Outcome) -> str:
    return "degraded" if outcome.degraded else "ok"
