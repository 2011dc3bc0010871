"""A multi-objective reward model: every row of one head is an objective, and a request may say what each weighs.

Source: multi-objective reward models (ArmoRM, arXiv 2406.12845, whose gate a request's own weights replace; directional
preferences, arXiv 2510.20498): the score is the weighted sum of the objectives.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from service.reward_models.base.builder import Built, Materials
from service.reward_models.base.errors import PoolingFailed, ScorerLoadError
from service.reward_models.base.objective_weights import check_objectives
from service.reward_models.base.ports import Logits
from service.reward_models.combined.settings import ObjectivesSettings
from service.reward_models.pooling.head import Head
from service.reward_models.pooling.outcome import PooledOutcomeScorer
from strategies.base.ports import OutcomeScorer, OutcomeScores
from strategies.base.types import Prompt


@dataclass(frozen=True, slots=True)
class WeightedHead(Head):
    """The score is the sum of the head's rows, raw logits, each times its weight."""

    weights: tuple[float, ...] = ()

    def value(self, row: Logits) -> float:
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


def build(settings: ObjectivesSettings, materials: Materials) -> Built:
    """The objectives of an earlier scorer's head, read by its engine."""
    model = materials.scorers.earlier(settings.head_of)
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
