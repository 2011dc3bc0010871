"""An ensemble: several loaded scorers asked side by side, their scores made comparable and combined."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.reward_models.base.builder import Built, Materials
from service.reward_models.base.distinct import DistinctTexts
from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.base.request_scope import RequestScope
from service.reward_models.combined.settings import EnsembleSettings, Member
from strategies.answers.steps import split_steps
from strategies.base.concurrency import gather_in_order
from strategies.base.ports import OutcomeScorer, OutcomeScores, StepScorer, compares
from strategies.base.types import Prompt
from strategies.scores.aggregate import Aggregation, aggregate
from strategies.scores.ensemble import ensemble


@dataclass(frozen=True, slots=True)
class StepsAsOutcome:
    """A step scorer as an outcome scorer: the steps of each text, aggregated.

    `is_counted`: what it reads is counted under its own name already.
    """

    inner: StepScorer
    aggregation: Aggregation
    is_counted: bool = False

    @property
    def name(self) -> str:
        return self.inner.name

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        steps = [split_steps(text, self.inner.delimiter) for text in texts]
        scores = await self.inner.score(prompt, steps)
        values = tuple(None if row is None else aggregate(row, self.aggregation) for row in scores.values)
        return (
            OutcomeScores(values) if self.is_counted else OutcomeScores(values, scores.tokens, scores.cached)
        )

    def bound_to(self, view: RequestScope) -> "StepsAsOutcome":
        return replace(self, inner=view.step(self.inner), is_counted=True)


@dataclass(frozen=True, slots=True)
class EnsembleScorer:
    """An outcome scorer of several. A member that fails is the failure of the whole, under the member's name.

    With a normalisation its numbers hold among the candidates of one prompt only, so it is asked about all at once;
    a text that was drawn twice then counts twice. Members are asked about each distinct text once, and counted under
    their own names where a request sees through to them.
    """

    name: str
    settings: EnsembleSettings
    members: tuple[OutcomeScorer, ...]
    is_counted: bool = False

    @property
    def compares(self) -> bool:
        return self.settings.normalisation != "none" or any(map(compares, self.members))

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        """The combined scores, None where a member's is missing and the rule does not go on without it."""
        told = await gather_in_order([_asked(member, prompt, texts) for member in self.members])
        values = ensemble(
            [scores.values for scores in told],
            self.settings.rule,
            normalisation=self.settings.normalisation,
            transform=self.settings.transform,
            sharpness=self.settings.sharpness,
            variance_weight=self.settings.variance_weight,
            weights=[member.weight for member in self.settings.member_settings],
            missing=self.settings.missing,
        )
        truncated = tuple(sorted({i for scores in told for i in scores.truncated}))
        if self.is_counted:
            return OutcomeScores(tuple(values), truncated=truncated)
        tokens, cached = sum(scores.tokens for scores in told), sum(scores.cached for scores in told)
        return OutcomeScores(tuple(values), tokens, cached, truncated)

    def bound_to(self, view: RequestScope) -> "EnsembleScorer":
        return replace(self, members=tuple(map(view.outcome, self.members)), is_counted=True)


def build(settings: EnsembleSettings, materials: Materials) -> Built:
    """The ensemble of scorers that stand earlier in the configuration; ScorerLoadError names one that does not."""
    members = tuple(_member(member, materials.scorers) for member in settings.member_settings)
    scorer = EnsembleScorer(settings.name, settings, members)
    names = tuple(member.scorer for member in settings.member_settings)
    info = ScorerInfo(
        settings.name,
        "outcome",
        settings.backend,
        model=f"{settings.rule} of {', '.join(names)}",
        members=names,
        rule=settings.rule,
        normalisation=settings.normalisation,
        compares=scorer.compares or None,
    )
    return Built(info, outcome=scorer)


def _member(member: Member, scorers: LoadedScorers) -> OutcomeScorer:
    if member.scorer in scorers.steps:
        return StepsAsOutcome(scorers.steps[member.scorer], member.aggregation)
    if "aggregation" in member.model_fields_set:
        raise ScorerLoadError(f"member {member.scorer!r} is no step scorer: leave its aggregation out")
    return scorers.earlier(member.scorer)


async def _asked(member: OutcomeScorer, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
    if compares(member):
        return await member.score(prompt, texts)
    distinct = DistinctTexts(texts)
    scores = await member.score(prompt, distinct.texts)
    cut = {distinct.texts[i] for i in scores.truncated}
    return replace(
        scores,
        values=distinct.spread(scores.values),
        truncated=distinct.positions(cut),
    )
