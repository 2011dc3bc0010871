"""Scorers that tests hand to early rejection: a rule on the text so far, which may abstain or fail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from strategies.answers.equivalence import Undecided
from strategies.base.errors import InvalidRequest, NotFound
from strategies.base.ports import Equivalence, OutcomeScorer, ScorerKind, StepScorer, StepScores
from strategies.base.types import Prompt

Rule = Callable[[str], float | None]
"""The score of a text at its end; None abstains, an exception is raised."""


@dataclass
class RuleScorer:
    """One step scorer and the port that hands it out; notes every call with its texts."""

    rule: Rule
    name: str = "step"
    delimiter: str = "\n"
    calls: list[list[str]] = field(default_factory=list)
    equivalence: Equivalence = field(default_factory=Undecided)

    def kind(self, name: str) -> ScorerKind:
        if name != self.name:
            raise NotFound(f"no scorer {name!r}")
        return "step"

    def default(self, kinds: Sequence[ScorerKind]) -> str:
        return self.name

    def sees_reasoning(self, name: str) -> bool:
        return False

    def outcome(self, name: str | None) -> OutcomeScorer:
        raise InvalidRequest("there is only a step scorer")

    def step(self, name: str | None) -> StepScorer:
        self.kind(name or self.name)
        return self

    async def score(self, prompt: Prompt, answers: Sequence[Sequence[str]]) -> StepScores:
        self.calls.append(["".join(steps) for steps in answers])
        return StepScores(tuple(map(self._steps, answers)), tokens=sum(map(len, answers)))

    def _steps(self, steps: Sequence[str]) -> tuple[float, ...] | None:
        value = self.rule("".join(steps))
        return None if value is None else (*(0.0 for _ in steps[1:]), value)
