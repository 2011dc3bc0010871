"""The scorers as a strategy sees them: every answer counted, timed, checked, and given up at the deadline."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from service.engine.ports import PromptLogprobs
from service.metering.engine import MeteredEngine
from service.metering.equivalence import MeteredEquivalence
from service.metering.limits import RequestLimits
from service.metering.meter import Meter
from service.metering.prompt_logprobs import MeteredReader
from service.observability.metrics import Metrics
from service.reward_models.base.request_scope import Composed
from strategies.answers.equivalence import Undecided
from strategies.base.errors import ScorerFailed
from strategies.base.ports import (
    Engine,
    Equivalence,
    MultiObjectiveScorer,
    OutcomeScorer,
    OutcomeScores,
    ScorerKind,
    ScorerLookup,
    StepScorer,
    StepScores,
    compares,
)
from strategies.base.types import Prompt

T = TypeVar("T")


@dataclass(slots=True)
class MeteredScorers:
    """The scorers of a request: the loaded scorers and the comparison of answers, all counted, timed and checked."""

    inner: ScorerLookup
    meter: Meter
    bounds: RequestLimits
    metrics: Metrics
    answers: Equivalence = field(default_factory=Undecided)

    @property
    def equivalence(self) -> Equivalence:
        return MeteredEquivalence(self.answers, self.meter, self.bounds, self.metrics)

    def kind(self, name: str) -> ScorerKind:
        return self.inner.kind(name)

    def default(self, kinds: Sequence[ScorerKind]) -> str:
        return self.inner.default(kinds)

    def sees_reasoning(self, name: str) -> bool:
        return self.inner.sees_reasoning(name)

    def outcome(self, name: str | None) -> OutcomeScorer:
        return self.view.outcome(self.inner.outcome(name))

    def step(self, name: str | None) -> StepScorer:
        return self.view.step(self.inner.step(name))

    @property
    def view(self) -> "RequestView":
        """What scorers that are made of others, or that generate, are handed."""
        return RequestView(self)

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

    def count(self, scorer: str, tokens: int, cached: int) -> None:
        self.meter.reward_model_tokens += tokens
        self.meter.reward_model_cached_tokens += cached
        self.meter.scorer_tokens[scorer] += tokens
        self.meter.scorer_cached_tokens[scorer] += cached


@dataclass(frozen=True, slots=True)
class RequestView:
    """Generators and scorers behind this request's meter and limits."""

    scorers: MeteredScorers

    def generator(self, engine: Engine) -> Engine:
        """A judge may generate what the request's budget, and the server's limit of a request, leave."""
        bounds = self.scorers.bounds
        return MeteredEngine(
            engine, self.scorers.meter, replace(bounds, follow=True, max_completion_tokens=bounds.live_tokens)
        )

    def reader(self, reader: PromptLogprobs) -> PromptLogprobs:
        return MeteredReader(reader, self.scorers.meter, self.scorers.bounds)

    def outcome(self, scorer: OutcomeScorer) -> OutcomeScorer:
        inner = scorer.bound_to(self) if isinstance(scorer, Composed) else scorer
        if isinstance(inner, MultiObjectiveScorer):
            return MeteredObjectives(inner, self.scorers)
        return MeteredOutcomeScorer(inner, self.scorers)

    def step(self, scorer: StepScorer) -> StepScorer:
        inner = scorer.bound_to(self) if isinstance(scorer, Composed) else scorer
        return MeteredStepScorer(inner, self.scorers)


@dataclass(frozen=True, slots=True)
class MeteredOutcomeScorer:
    """An outcome scorer whose answers are counted and checked: one finite number, or none, for each text."""

    inner: OutcomeScorer
    scorers: MeteredScorers

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def compares(self) -> bool:
        return compares(self.inner)

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        none = OutcomeScores((None,) * len(texts))
        scores = await self.scorers.ask(self.name, lambda: self._checked(prompt, texts), none)
        self.scorers.count(self.name, scores.tokens, scores.cached)
        self.scorers.meter.truncated_texts += len(scores.truncated)
        return scores

    async def _checked(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        scores = await self.inner.score(prompt, texts)
        _check_length(self.name, len(scores.values), len(texts), "texts")
        _check_finite(self.name, [value for value in scores.values if value is not None])
        return scores


@dataclass(frozen=True, slots=True)
class MeteredObjectives(MeteredOutcomeScorer):
    """A multi-objective scorer, metered with whatever weights."""

    inner: MultiObjectiveScorer

    @property
    def objectives(self) -> Sequence[str]:
        return self.inner.objectives

    def weighted(self, weights: Mapping[str, float]) -> OutcomeScorer:
        return MeteredOutcomeScorer(self.inner.weighted(weights), self.scorers)


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
        self.scorers.count(self.name, scores.tokens, scores.cached)
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
        raise ScorerFailed(message, scorer=scorer, reason="length_mismatch")


def _check_finite(scorer: str, values: Sequence[float]) -> None:
    if not all(map(math.isfinite, values)):
        raise ScorerFailed(
            f"scorer {scorer!r} gave a number that is not finite", scorer=scorer, reason="not_finite"
        )
