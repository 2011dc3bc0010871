"""Best-of-N: draw N candidates and return what the reward model likes most, by response or by distinct answer.

Source: the baseline of every test-time scaling paper; N i.i.d. samples, argmax of the score (for instance
`search/best_of_n.py` of huggingface/search-and-learn). By answer, with the mean, it is the baseline that the
Best-of-Majority paper means (arXiv 2510.03199; `select_k_by_reward` of jkx19/PassAtK). Ties follow the common rule:
higher score, larger group of equal answers, lower index.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from strategies.answers.groups import Reward, grouped
from strategies.answers.voting_strategy import Ballot, VotingStrategy, exact_ballot
from strategies.base.ports import Engine, Scorers
from strategies.base.types import Candidate, Outcome, Prompt, Score
from strategies.sampling.sample import draw_scored
from strategies.sampling.scored_strategy import ScoredStrategy
from strategies.selection.best_answers import best_answers
from strategies.selection.outcome import best_responses


class BestOfN(VotingStrategy, ScoredStrategy):
    """Draw N candidates, return the one that the reward model likes most."""

    name: ClassVar[str] = "best_of_n"

    n: int = Field(8, ge=1, description="Candidates to draw.")
    per: Literal["response", "answer"] = Field(
        "response",
        description="Rank each response by its score, or each distinct answer by its group's reward.",
    )
    group_reward: Reward = Field(
        "mean", description="With `per: answer`: how the scores of equal answers become one reward."
    )

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        if self.per == "response" and "group_reward" in self.model_fields_set:
            raise ValueError("group_reward goes with per: answer")
        return self

    def num_samples(self, k: int) -> int:
        return max(self.n, k)

    async def run(self, prompt: Prompt, engine: Engine, scorers: Scorers) -> Outcome:
        judge = self.judge(scorers)
        fail_fast = self.on_scorer_error == "fail"
        drawn = await draw_scored(
            self.asking(prompt), self.num_samples(prompt.k), engine, judge, fail_fast=fail_fast
        )
        ballot = await self.ballot(drawn.candidates, scorers)
        if drawn.failure is None:
            return self._choose(drawn.candidates, drawn.scores, ballot, prompt.k)
        stand_ins = [self.fallback_score(candidate) for candidate in drawn.candidates]
        outcome = self._choose(drawn.candidates, stand_ins, ballot, prompt.k)
        return replace(outcome, degraded=self.without_scorer)

    def _choose(
        self, candidates: Sequence[Candidate], scores: Sequence[Score], ballot: Ballot, k: int
    ) -> Outcome:
        if self.per == "response":
            return best_responses(candidates, scores, ballot, k)
        groups = grouped(ballot.groups, [score.value for score in scores], self.group_reward)
        return best_answers(candidates, scores, ballot, groups, k)


def select(candidates: Sequence[Candidate], scores: Sequence[Score], k: int) -> Outcome:
    """The `k` best of `candidates` by score, best first. The sequences run parallel; pure and deterministic.

    Invalid candidates (empty, cut off, failed) never beat a valid one: one is returned only where no valid
    candidate is left, and then the outcome is degraded as `no_valid_candidate`.
    """
    return best_responses(candidates, scores, exact_ballot(candidates), k)
