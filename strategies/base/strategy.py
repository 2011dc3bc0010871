"""The shape of a strategy: one request's parameters, frozen, with one method that decides."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from strategies.base.budget import Budget
from strategies.base.ports import Engine, ScorerKind, Scorers
from strategies.base.types import Outcome, Prompt, Stage


class Strategy(BaseModel, ABC):
    """One request's parameters. A subclass is one file, one line in the catalogue, one test file, one page.

    `scorer_kinds`: kinds of scorer it can use (none: it needs no scorer).
    `live_stages`: the stages whose tokens are the answer itself and may be streamed as they come.
    `refuses`: request fields that this strategy cannot honour; they are answered 400, never dropped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    scorer_kinds: ClassVar[tuple[ScorerKind, ...]] = ()
    live_stages: ClassVar[frozenset[Stage]] = frozenset()
    refuses: ClassVar[frozenset[str]] = frozenset()

    explain: Literal["none", "summary", "full"] = Field(
        "summary",
        description="How much of the decision to report: nothing, all but the texts, or everything.",
    )
    budget: Budget = Field(default_factory=Budget, description="What the request may spend.")

    @abstractmethod
    def draws(self, k: int) -> int:
        """How many candidates will be drawn, at most, to return `k`: what admission is asked for."""

    @abstractmethod
    async def run(self, prompt: Prompt, engine: Engine, scorers: Scorers) -> Outcome:
        """Draw, score, decide. Raises the errors of `strategies.base.errors`."""
