"""Majority: draw N candidates and return the answer that most of them give; stop when it cannot lose any more.

Source: self-consistency (Wang et al., arXiv 2203.11171). Groups as large as each other are ordered by their first
member, as in search-and-learn (`utils/math.py`) and in the baseline of Best-of-Majority (arXiv 2510.03199).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from strategies.answers.groups import grouped
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
    """The first members of the `k` largest groups, largest first. Pure and deterministic."""
    scores = [Score()] * len(candidates)
    return best_answers(candidates, scores, ballot, grouped(ballot.groups, [None] * len(candidates)), k)
