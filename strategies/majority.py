"""Majority: draw N candidates and return the answer that most of them give; stop when it cannot lose any more.

Source: self-consistency (Wang et al., arXiv 2203.11171). Groups as large as each other are ordered by their first
member, as in search-and-learn (`utils/math.py`) and in the baseline of Best-of-Majority (arXiv 2510.03199).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Self

from pydantic import Field

from strategies.answers.early_stopping import is_settled
from strategies.answers.groups import grouped
from strategies.answers.voting_strategy import Ballot, VotingStrategy
from strategies.base.ports import Engine, Scorers
from strategies.base.types import Candidate, Outcome, Prompt, Score
from strategies.sampling.sample import draw
from strategies.selection.best_answers import best_answers


class Majority(VotingStrategy):
    """Draw N candidates, return the answer that most of them give."""

    name: ClassVar[str] = "majority"

    n: int = Field(8, ge=1, description="Candidates to draw.")
    early_stop: bool = Field(
        True, description="Abort the candidates still running once they cannot change what is returned."
    )

    @property
    def stops_early(self) -> bool:
        return self.early_stop

    def for_precomputed(self, count: int) -> Self:
        return self.model_copy(update={"early_stop": False})

    def num_samples(self, k: int) -> int:
        return max(self.n, k)

    async def run(self, prompt: Prompt, engine: Engine, scorers: Scorers) -> Outcome:
        n = min(self.num_samples(prompt.k), self.budget.max_samples or self.num_samples(prompt.k))
        candidates, missing = await self._draw(prompt, n, engine)
        outcome = select(candidates, await self.ballot(candidates, scorers), prompt.k)
        return replace(outcome, details={"stopped_early": missing}) if missing else outcome

    async def _draw(self, prompt: Prompt, n: int, engine: Engine) -> tuple[list[Candidate], int]:
        """The candidates that ended, and how many were left running since they could change nothing."""
        if not self.early_stop:
            return await draw(prompt, n, engine), 0
        ballots: dict[int, str | None] = {}
        may_merge = self.equivalence == "math"
        settled = False

        def vote(candidate: Candidate) -> bool:
            nonlocal settled
            answer = self.answer.read(candidate)
            ballots[candidate.index] = None if answer is None else answer.key
            settled = is_settled(ballots, n, prompt.k, may_merge=may_merge)
            return settled

        candidates = await draw(prompt, n, engine, vote)
        return candidates, n - len(candidates) if settled else 0


def select(candidates: Sequence[Candidate], ballot: Ballot, k: int) -> Outcome:
    """The first members of the `k` largest groups, largest first. Pure and deterministic."""
    scores = [Score()] * len(candidates)
    return best_answers(candidates, scores, ballot, grouped(ballot.groups, [None] * len(candidates)), k)
