"""Weighted majority: every candidate votes with the weight that the reward model gives it; the heaviest answer wins.

Source: Li et al., "Making language models better reasoners with step-aware verifier" (arXiv 2206.02336); in code the
`weighted` prediction of search-and-learn (`utils/math.py`): the sum of the scores of each distinct answer.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field

from strategies.answers.groups import grouped
from strategies.answers.voting_strategy import Ballot
from strategies.base.ports import Engine, ScorerKind, Scorers
from strategies.base.ranking import is_number
from strategies.base.types import Candidate, Outcome, Prompt, Score
from strategies.sampling.sample import draw_scored
from strategies.sampling.scored_strategy import ScoredStrategy
from strategies.sampling.stopping import Stop
from strategies.sampling.stopping_strategy import StoppingStrategy
from strategies.selection.best_answers import best_answers

Weight = Literal["score", "sigmoid", "exp"]


class WeightedMajority(StoppingStrategy, ScoredStrategy):
    """Draw N candidates, return the answer whose candidates have the highest scores together."""

    name: ClassVar[str] = "weighted_majority"
    # Step scores are probabilities as a rule, and those are what the published rule adds up.
    scorer_kinds: ClassVar[tuple[ScorerKind, ...]] = ("step", "outcome")

    exact_stop: ClassVar[bool] = False

    n: int = Field(8, ge=1, description="Candidates to draw.")
    stop: Stop = Field("none", description="When to stop the draw, by the count of answers; see `majority`.")
    weight: Literal["score", "sigmoid"] = Field(
        "score",
        description="What a vote weighs: the score (below 0: nothing), or its logistic function, for raw logits.",
    )

    def num_samples(self, k: int) -> int:
        return max(self.n, k)

    async def run(self, prompt: Prompt, engine: Engine, scorers: Scorers) -> Outcome:
        judge = self.judge(scorers)
        fail_fast = self.on_scorer_error == "fail"
        asked, n = self.asking(prompt), self.num_samples(prompt.k)
        sampler = partial(self.draw_votes, asked, n, engine)
        drawn = await draw_scored(asked, n, engine, judge, fail_fast=fail_fast, sampler=sampler)
        ballot = await self.ballot(drawn.candidates, scorers)
        if drawn.failure is None:
            outcome = select(drawn.candidates, drawn.scores, ballot, prompt.k, self.weight)
            return replace(outcome, details=drawn.details)
        stand_ins = [self.fallback_score(candidate) for candidate in drawn.candidates]
        # A mean log-probability is below 0; the probability that it stands for is the weight.
        outcome = select(drawn.candidates, stand_ins, ballot, prompt.k, "exp")
        return replace(outcome, degraded=self.without_scorer, details=drawn.details)


def select(
    candidates: Sequence[Candidate], scores: Sequence[Score], ballot: Ballot, k: int, weight: Weight = "score"
) -> Outcome:
    """The representatives of the `k` heaviest groups, heaviest first. Pure and deterministic.

    Of equal weights the larger group is first, then the one that appeared first; so where no score is above 0 this
    is the majority. A group is represented by its member with the highest score.
    """
    weights = [weight_of(score.value, weight) for score in scores]
    return best_answers(candidates, scores, ballot, grouped(ballot.groups, weights, "sum"), k)


def weight_of(score: float | None, weight: Weight) -> float | None:
    """The weight of one vote, never negative: a bad candidate must not make its group lighter. None without a score."""
    if score is None or not is_number(score):
        return None
    if weight == "score":
        return max(score, 0.0)
    if weight == "exp":
        return math.exp(min(score, 0.0))
    return _logistic(score)


def _logistic(score: float) -> float:
    """1 / (1 + exp(-score)), without overflow at either end."""
    small = math.exp(-abs(score))
    return 1 / (1 + small) if score >= 0 else small / (1 + small)
