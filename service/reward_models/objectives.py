"""A multi-objective reward model: every row of one head is an objective, and a request may say what each weighs.

Source: multi-objective reward models (ArmoRM, arXiv 2406.12845, whose gate a request's own weights replace; directional
preferences, arXiv 2510.20498): the score is the weighted sum of the objectives.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from service.reward_models.base import PoolingFailed, Row, ScorerLoadError
from service.reward_models.building import Built, Materials
from service.reward_models.combined_settings import ObjectivesSettings
from service.reward_models.ensemble import earlier
from service.reward_models.head import Head
from service.reward_models.outcome import PooledOutcomeScorer
from strategies.base.errors import InvalidRequest
from strategies.base.ports import OutcomeScorer, OutcomeScores
from strategies.base.types import Prompt


@dataclass(frozen=True, slots=True)
class WeightedHead(Head):
    """The score is the sum of the head's rows, raw logits, each times its weight."""

    weights: tuple[float, ...] = ()

    def value(self, row: Row) -> float:
        """The weighted sum; PoolingFailed if a logit is not finite, or the head has not one row for each weight."""
        if len(row) != len(self.weights):
            raise PoolingFailed(
                f"its head has {len(row)} rows, and {len(self.weights)} objectives are configured", "error"
            )
        if not all(map(math.isfinite, row)):
            raise PoolingFailed(f"the model returned {list(row)}, which is no score", "not_finite")
        return math.fsum(weight * logit for weight, logit in zip(self.weights, row, strict=True))


@dataclass(frozen=True, slots=True)
class ObjectivesScorer:
    """An outcome scorer with named objectives; without weights of a request it goes by the configured ones."""

    name: str
    model: PooledOutcomeScorer
    objectives: tuple[str, ...]
    weights: Mapping[str, float]

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        return await self._reading(self.weights).score(prompt, texts)

    def weighted(self, weights: Mapping[str, float]) -> OutcomeScorer:
        """The scorer with these weights; an objective that they leave out weighs nothing."""
        check_objectives(self.name, weights, self.objectives)
        return self._reading(weights)

    def _reading(self, weights: Mapping[str, float]) -> OutcomeScorer:
        head = WeightedHead(weights=tuple(weights.get(objective, 0.0) for objective in self.objectives))
        return replace(self.model, name=self.name, head=head)


def check_objectives(scorer: str, weights: Mapping[str, float], objectives: Sequence[str]) -> None:
    """InvalidRequest, listing the objectives, if the weights name another or are all 0."""
    param = "strategy.scorer_weights"
    for name in weights:
        if name not in objectives:
            known = ", ".join(objectives)
            raise InvalidRequest(
                f"scorer {scorer!r} has no objective {name[:64]!r}; it has: {known}",
                param=f"{param}.{name[:64]}",
            )
    if not any(weights.values()):
        raise InvalidRequest("every weight is 0, and then every score would be", param=param)


def build(settings: ObjectivesSettings, materials: Materials) -> Built:
    """The objectives of an earlier scorer's head, read by its engine."""
    model = earlier(settings.head_of, materials.scorers)
    if not isinstance(model, PooledOutcomeScorer):
        raise ScorerLoadError(
            f"{settings.head_of!r} has no head to read: name a scorer whose model is loaded here"
        )
    weights = settings.weights or dict.fromkeys(settings.objectives, 1 / len(settings.objectives))
    scorer = ObjectivesScorer(settings.name, model, tuple(settings.objectives), weights)
    known = next(info for info in materials.scorers.infos if info.name == settings.head_of)
    info = replace(
        known,
        name=settings.name,
        backend=settings.backend,
        label=None,
        activation=None,
        objectives=tuple(settings.objectives),
    )
    return Built(info, outcome=scorer)
