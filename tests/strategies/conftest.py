"""Builders that the tests of strategies share: candidates in a line, and scorers that play a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from strategies.answers.equivalence import Undecided
from strategies.base.errors import NotFound, ScorerFailed
from strategies.base.ports import (
    Equivalence,
    OutcomeScorer,
    OutcomeScores,
    ScorerKind,
    StepScorer,
    StepScores,
)
from strategies.base.types import Candidate, Prompt


def candidate(
    index: int, text: str = "The answer is 1.", finish_reason: str = "stop", **fields: object
) -> Candidate:
    """A candidate of as many tokens as words."""
    return Candidate(index, text, len(text.split()), finish_reason, **fields)  # type: ignore[arg-type]


@dataclass
class Table:
    """Scorers that look a text up; an exception in the table is raised, and every text asked about is noted."""

    outcomes: dict[str, float | Exception | None] = field(default_factory=dict)
    steps: dict[str, tuple[float, ...]] = field(default_factory=dict)
    name: str = "table"
    delimiter: str = "\n"
    asked: list[str] = field(default_factory=list)
    equivalence: Equivalence = field(default_factory=Undecided)

    def kind(self, name: str) -> ScorerKind:
        if name not in ("outcome", "step"):
            raise NotFound(f"no scorer {name!r}")
        return "outcome" if name == "outcome" else "step"

    def default(self, kinds: Sequence[ScorerKind]) -> str:
        return kinds[0]

    def sees_reasoning(self, name: str) -> bool:
        return False

    def outcome(self, name: str | None) -> OutcomeScorer:
        return _Outcome(self)

    def step(self, name: str | None) -> StepScorer:
        return _Step(self)


@dataclass
class _Outcome:
    table: Table
    name: str = "outcome"

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        self.table.asked.extend(texts)
        values = [self.table.outcomes[text] for text in texts]
        for value in values:
            if isinstance(value, Exception):
                raise value
        return OutcomeScores(tuple(value for value in values if not isinstance(value, Exception)))


@dataclass
class _Step:
    table: Table
    name: str = "step"
    delimiter: str = "\n"

    async def score(self, prompt: Prompt, answers: Sequence[Sequence[str]]) -> StepScores:
        return StepScores(tuple(self.table.steps["".join(steps)] for steps in answers))


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def broken() -> Callable[[], ScorerFailed]:
    """A fresh failure, as a scorer raises it."""
    return lambda: ScorerFailed("the scorer is on fire", scorer="outcome", reason="error")
