"""Majority: draw N candidates and return the answer that most of them give; stop when it cannot lose any more.

Source: self-consistency (Wang et al., arXiv 2203.11171). Groups as large as each other are ordered by their first
member, as in search-and-learn (`utils/math.py`) and in the baseline of Best-of-Majority (arXiv 2510.03199).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from strategies.answers.groups import grouped, rank_by_size
from strategies.answers.voting_strategy import Ballot
from strategies.base.ports import Engine, Scorers
from strategies.base.types import Candidate, Outcome, Prompt, Score
from strategies.sampling.stopping_strategy import StoppingStrategy
from strategies.selection.best_answers import best_answers


class Majority(StoppingStrategy):
    """Draw N candidates, return the answer that most of them give."""

    name: ClassVar[str] = "majority"

    n: int = Field(8, ge=1, description="Candidates to draw.")

    def num_samples(self, k: int) -> int:
        return max(self.n, k)

    async def run(self, prompt: Prompt, engine: Engine, scorers: Scorers) -> Outcome:
        n = min(self.num_samples(prompt.k), self.budget.max_samples or self.num_samples(prompt.k))
        votes = await self.draw_votes(prompt, n, engine)
        outcome = select(votes.candidates, await self.ballot(votes.candidates, scorers), prompt.k)
        return replace(outcome, details=votes.details)


def select(candidates: Sequence[Candidate], ballot: Ballot, k: int) -> Outcome:
    """The `k` largest groups, largest first, each by its best-scored member, without scores by its first. Pure.

    Candidates that bring scores order groups of equal size by their mean. Where no answer was given twice the outcome
    is degraded as `nothing_repeated`: the first of them is no majority.
    """
    scores = [candidate.score or Score() for candidate in candidates]
    groups = grouped(ballot.groups, [score.value for score in scores])
    outcome = best_answers(candidates, scores, ballot, groups, k, rank_by_size)
    if len(groups) > 1 and all(group.size == 1 for group in groups):
        return replace(outcome, degraded=outcome.degraded or "nothing_repeated")
    return outcome
