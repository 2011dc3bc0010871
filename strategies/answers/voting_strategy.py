"""The parameters of a strategy that groups answers, and the one function that groups them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from strategies.answers.answer_format import AnswerForm
from strategies.answers.equivalence import merge
from strategies.answers.extract import Answer
from strategies.answers.groups import group_ids
from strategies.base.ports import Scorers
from strategies.base.strategy import Strategy
from strategies.base.types import Candidate


@dataclass(frozen=True, slots=True)
class Ballot:
    """The answer and the group of each candidate; `undecided` if some answers could not be compared in time."""

    answers: tuple[str | None, ...]
    groups: tuple[int | None, ...]
    undecided: bool = False

    @property
    def degraded(self) -> str | None:
        return "equivalence_undecided" if self.undecided else None


class VotingStrategy(Strategy):
    """A strategy that groups candidates by their answers."""

    answer: AnswerForm = Field(default_factory=AnswerForm, description="How a response states its answer.")
    equivalence: Literal["exact", "math"] = Field(
        "exact",
        description="Answers are one if they have one canonical spelling, or also if they are equal as mathematics.",
    )

    async def ballot(self, candidates: Sequence[Candidate], scorers: Scorers) -> Ballot:
        """Read and group the answers: by canonical key, and with `math` by a symbolic check between the groups."""
        answers = await self._read(candidates)
        keys = tuple(None if answer is None else answer.key for answer in answers)
        if self.equivalence == "exact":
            return Ballot(keys, tuple(group_ids(keys)))
        merged = await merge(answers, scorers.equivalence)
        return Ballot(keys, merged.groups, merged.undecided)

    async def _read(self, candidates: Sequence[Candidate]) -> list[Answer | None]:
        answers = []
        for candidate in candidates:
            answers.append(self.answer.read(candidate))
            if self.answer.pattern is not None:
                # The caller's pattern may take long over each text: let others have a turn between two.
                await asyncio.sleep(0)
        return answers


def exact_ballot(candidates: Sequence[Candidate], form: AnswerForm | None = None) -> Ballot:
    """The ballot of candidates whose answers are compared by their canonical spelling."""
    answers = [(form or AnswerForm()).read(candidate) for candidate in candidates]
    keys = tuple(None if answer is None else answer.key for answer in answers)
    return Ballot(keys, tuple(group_ids(keys)))
