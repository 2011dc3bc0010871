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
from strategies.base.field_errors import WrongField
from strategies.base.ports import Engine, Scorers
from strategies.base.types import Candidate, Detail, Outcome, Prompt, Score
from strategies.sampling.sample import Drawn, draw_scored, draw_until_scored
from strategies.sampling.scored_strategy import ScoredStrategy
from strategies.sampling.scoring import CandidateScorer
from strategies.sampling.stopping import expected_improvement, wave_sizes
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

    stop: Literal["improvement", "none"] = Field(
        "none",
        description="`improvement`: stop once one more draw is expected to add less than `price` to the best.",
    )
    price: float = Field(
        0.01, ge=0, description="With `improvement`: what a draw costs, in units of the score."
    )
    wave: int = Field(4, ge=1, description="With `improvement`: candidates drawn and scored at once.")

    @property
    def stops_early(self) -> bool:
        return self.stop != "none"

    def for_precomputed(self, count: int) -> Self:
        return self.model_copy(update={"stop": "none"})

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        if self.stop == "none" and (extra := {"price", "wave"} & self.model_fields_set):
            raise WrongField(min(extra), f"{min(extra)} goes with stop: improvement")
        if self.per == "response" and "group_reward" in self.model_fields_set:
            raise WrongField("group_reward", "group_reward goes with per: answer")
        return self

    def num_samples(self, k: int) -> int:
        return max(self.n, k)

    async def run(self, prompt: Prompt, engine: Engine, scorers: Scorers) -> Outcome:
        drawn = await self._draw(self.asking(prompt), engine, self.judge(scorers, alone=self.stops_early))
        ballot = await self.ballot(drawn.candidates, scorers)
        if drawn.failure is None:
            outcome = self._choose(drawn.candidates, drawn.scores, ballot, prompt.k)
            return replace(outcome, details=self._details(drawn, prompt.k))
        stand_ins = [self.fallback_score(candidate) for candidate in drawn.candidates]
        outcome = self._choose(drawn.candidates, stand_ins, ballot, prompt.k)
        return replace(outcome, degraded=self.without_scorer)

    async def _draw(self, prompt: Prompt, engine: Engine, judge: CandidateScorer) -> Drawn:
        n, fail_fast = self.num_samples(prompt.k), self.on_scorer_error == "fail"
        if self.stop == "none":
            return await draw_scored(prompt, n, engine, judge, fail_fast=fail_fast)

        def enough(scores: Sequence[float]) -> bool:
            return len(scores) >= prompt.k and expected_improvement(scores) < self.price

        sizes = wave_sizes(n, self.wave)
        return await draw_until_scored(prompt, sizes, engine, judge, enough, fail_fast=fail_fast)

    def _details(self, drawn: Drawn, k: int) -> dict[str, Detail]:
        """What the stop spared, and what one more draw was expected to add."""
        spared = self.num_samples(k) - len(drawn.candidates)
        if self.stop == "none" or spared <= 0:
            return {}
        scores = [score.value for score in drawn.scores if score.value is not None]
        return {"stopped_early": spared, "expected_improvement": expected_improvement(scores)}

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
