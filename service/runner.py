"""One request, from its parameters to its outcome: admitted, metered, bounded by its budget, cancelled as a whole."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from service.admission.controller import AdmissionController
from service.admission.cost import Cost, check_size, cost_of
from service.admission.settings import Limits
from service.admission.validation import check_prompt
from service.engine.ports import ServedEngine
from service.metering.engine import MeteredEngine
from service.metering.limits import RequestLimits
from service.metering.meter import Meter
from service.metering.run import ModelSizes, RunResult
from service.metering.run_observer import observe_run, word_of
from service.metering.scorers import MeteredScorers
from service.observability.metrics import Metrics
from service.protocol.errors import body_of_run
from service.reward_models.base.ports import ServedScorers
from strategies.answers.equivalence import Undecided
from strategies.base.errors import DeadlineExceeded, InvalidRequest, NbestError, NotFound, nothing_drawn
from strategies.base.ports import Engine, Equivalence, OnDelta, ScorerLookup
from strategies.base.strategy import Strategy
from strategies.base.types import Outcome, Prompt


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs strategies against one engine and one set of scorers."""

    engine: ServedEngine
    scorers: ServedScorers
    admission: AdmissionController
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
    ) -> RunResult:
        """Draw, score and select. Cancelling this stops the engine's work for the request within a moment."""
        self.check(strategy, prompt)
        strategy = strategy.under_load(is_busy=self._is_busy(strategy, prompt))
        meter = Meter()
        bounds, cost = self._bounds(strategy), cost_of(strategy, prompt, self.limits)
        try:
            with observe_run(meter, strategy.name, body_of_run) as watch:
                async with self.admission.place(meter, cost, bounds.seconds_left):
                    run = await self._admitted(strategy, prompt, meter, bounds, listener)
                watch.outcome = _word(run.outcome)
        except BaseException as error:
            self.metrics.requests.labels(route, strategy.name, word_of(error)).inc()
            raise
        self._book(run, route)
        return run

    async def select(
        self, strategy: Strategy, prompt: Prompt, engine: Engine, scorers: ScorerLookup, cost: Cost
    ) -> RunResult:
        """Let a strategy choose among candidates that `engine` brings: the same code, and nothing is generated."""
        meter, bounds = Meter(), self._bounds(strategy)
        metered = MeteredScorers(scorers, meter, bounds, self.metrics, self.equivalence)
        with observe_run(meter, strategy.name, body_of_run) as watch:
            async with self.admission.place(meter, cost, bounds.seconds_left):
                outcome = _told(await strategy.run(prompt, engine, metered), meter)
                _check_deadline(strategy, meter)
            watch.outcome = _word(outcome)
        run = RunResult(strategy, prompt, outcome, meter, self._parameters(strategy, meter))
        self._book(run, "select")
        return run

    async def _admitted(
        self,
        strategy: Strategy,
        prompt: Prompt,
        meter: Meter,
        bounds: RequestLimits,
        listener: OnDelta | None,
    ) -> RunResult:
        others = {stage: self.fusors[name] for stage, name in strategy.generators.items()}
        engine = MeteredEngine(
            self.engine, meter, bounds, lambda stage: strategy.live_view(stage, prompt.k), listener, others
        )
        scorers = MeteredScorers(self.scorers, meter, bounds, self.metrics, self.equivalence)
        outcome = await strategy.run(prompt, engine, scorers)
        _check_deadline(strategy, meter)
        if not outcome.selected:
            raise _why_nothing(meter, prompt)
        if meter.limit is not None and outcome.degraded in (None, "no_valid_candidate"):
            outcome = replace(outcome, degraded=meter.limit)
        return RunResult(strategy, prompt, _told(outcome, meter), meter, self._parameters(strategy, meter))

    def _is_busy(self, strategy: Strategy, prompt: Prompt) -> bool:
        """Whether all candidates of the request together would have to wait for those of others."""
        most = self.engine.info.concurrency
        drawn = self.admission.candidates_in_flight
        return most is not None and drawn > 0 and drawn + strategy.num_samples(prompt.k) > most

    def _parameters(self, strategy: Strategy, meter: Meter) -> ModelSizes:
        """The sizes of the models; where other generators shared the work, theirs is no one number."""
        scorers = {info.name: info.parameters for info in self.scorers.describe()}
        is_shared = strategy.generators or meter.engines - {id(self.engine)}
        return ModelSizes(None if is_shared else self.engine.info.parameters, scorers)

    def _bounds(self, strategy: Strategy) -> RequestLimits:
        budget = strategy.budget
        milliseconds = budget.deadline_ms or self.limits.deadline_ms
        return RequestLimits(
            deadline=time.monotonic() + milliseconds / 1000,
            follow=strategy.stops_early
            or budget.deadline_ms is not None
            or budget.max_completion_tokens is not None,
            max_samples=budget.max_samples,
            max_completion_tokens=budget.max_completion_tokens,
            max_request_tokens=self.limits.max_request_tokens,
        )

    def _book(self, run: RunResult, route: str) -> None:
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


def _why_nothing(meter: Meter, prompt: Prompt) -> NbestError:
    if meter.limit == "deadline":
        return DeadlineExceeded("the deadline passed before there was any answer")
    return nothing_drawn(has_schema=prompt.decoding.json_schema is not None)


def _word(outcome: Outcome) -> str:
    return "degraded" if outcome.degraded else "ok"
