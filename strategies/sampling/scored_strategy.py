"""A strategy that asks a reward model."""

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field, FiniteFloat

from strategies.base.errors import InvalidRequest
from strategies.base.ports import (
    MultiObjectiveScorer,
    OutcomeScorer,
    ScorerKind,
    ScorerLookup,
    compares,
)
from strategies.base.strategy import Strategy
from strategies.base.types import Candidate, Prompt, Score
from strategies.sampling.scoring import CandidateScorer, ask_outcome, ask_steps
from strategies.sampling.shown import shown
from strategies.scores.aggregate import Aggregation


class ScoredStrategy(Strategy):
    """A strategy that asks a reward model, outcome or step, and says what to do should it fail."""

    scorer_kinds: ClassVar[tuple[ScorerKind, ...]] = ("outcome", "step")

    scorer: str | None = Field(
        None, description="Name of a loaded scorer (default: the first one that fits)."
    )
    objective_weights: dict[str, FiniteFloat] | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="Weights of a multi-objective scorer's objectives, by name (default: the configured ones).",
    )
    aggregation: Aggregation = Field("min", description="How a step scorer's scores become one number.")
    on_scorer_error: Literal["fail", "majority", "logprob"] = Field(
        "fail", description="If the scorer fails: an error, or select by majority or by mean log-probability."
    )

    def judge(self, scorers: ScorerLookup, *, alone: bool = False) -> CandidateScorer:
        """The scorer that the request means; unknown or unfit names and weights raise here.

        `alone`: some candidate will be judged by itself, which a scorer that compares candidates cannot do.
        """
        name = self.scorer or scorers.default(self.scorer_kinds)
        if scorers.kind(name) == "step":
            if self.objective_weights is not None:
                raise _without_objectives(name)
            read = shown("step", sees_reasoning=scorers.sees_reasoning(name))
            return CandidateScorer(ask_steps(scorers.step(name)), self.aggregation, read=read)
        scorer = self._weighted(scorers.outcome(name))
        if alone and compares(scorer):
            message = f"scorer {name!r} compares all candidates; here one has to be judged by itself"
            raise InvalidRequest(message, param="strategy.scorer")
        read = shown("outcome", sees_reasoning=scorers.sees_reasoning(name))
        return CandidateScorer(ask_outcome(scorer), self.aggregation, compares(scorer), read)

    def check_scorer(self, scorers: ScorerLookup) -> None:
        """InvalidRequest where the scorer cannot be asked as this request wants it, before anything is drawn."""
        if self.uses_scorer:
            self.judge(scorers)
        elif self.objective_weights is not None:
            message = "objective_weights goes with a scorer, and this request asks none"
            raise InvalidRequest(message, param="strategy.objective_weights")

    def _weighted(self, scorer: OutcomeScorer) -> OutcomeScorer:
        if self.objective_weights is None:
            return scorer
        if not isinstance(scorer, MultiObjectiveScorer):
            raise _without_objectives(scorer.name)
        return scorer.weighted(self.objective_weights)

    def asking(self, prompt: Prompt) -> Prompt:
        """The prompt to draw with: a fall-back on log-probabilities needs them to be there when the scorer fails."""
        if self.on_scorer_error != "logprob" or prompt.decoding.logprobs is not None:
            return prompt
        return replace(prompt, decoding=replace(prompt.decoding, logprobs=0))

    def fallback_score(self, candidate: Candidate) -> Score:
        """What replaces the scores when the scorer failed; with none at all, the larger group wins."""
        if self.on_scorer_error == "majority" or candidate.logprob is None:
            return Score()
        return Score(candidate.logprob / max(candidate.tokens, 1))

    @property
    def without_scorer(self) -> str:
        """The word for an outcome that had to do without the scorer."""
        return f"scorer_failed_{self.on_scorer_error}"


def _without_objectives(name: str) -> InvalidRequest:
    message = f"scorer {name!r} has no objectives to weigh: name one that has, or leave objective_weights out"
    return InvalidRequest(message, param="strategy.objective_weights")
