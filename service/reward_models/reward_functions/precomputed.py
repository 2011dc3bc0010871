"""The scorers of a selection whose candidates all bring their scores: asked for nothing, and able to do nothing."""

from collections.abc import Sequence

from strategies.base.errors import NotFound
from strategies.base.ports import OutcomeScorer, OutcomeScores, ScorerKind, StepScorer
from strategies.base.types import Prompt

_NAME = "given"


class PrecomputedScores:
    """Satisfies a strategy that wants a scorer by name; being asked for a score is an error."""

    name = _NAME

    def kind(self, name: str) -> ScorerKind:
        return "outcome"

    def default(self, kinds: Sequence[ScorerKind]) -> str:
        return _NAME

    def sees_reasoning(self, name: str) -> bool:
        return False

    def outcome(self, name: str | None) -> OutcomeScorer:
        return self

    def step(self, name: str | None) -> StepScorer:
        raise NotFound("no step scorer is needed where the candidates bring their scores")

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        raise NotFound("the candidates bring their scores; there is no scorer to ask")
