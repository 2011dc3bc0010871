"""The shape of a strategy: one request's parameters, frozen, with one method that decides."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field

from strategies.base.budget import Budget
from strategies.base.frozen_model import FrozenModel
from strategies.base.ports import Delta, Engine, ScorerKind, ScorerLookup, Scorers, StreamFilter
from strategies.base.types import Outcome, Prompt, Stage


class Strategy(FrozenModel, ABC):
    """One request's parameters. A subclass is one file, one line in the catalogue, one test file, one page.

    `scorer_kinds`: kinds of scorer it can use (none: it needs no scorer).
    `live_stages`: the stages whose tokens are the answer itself and may be streamed as they come.
    `refuses`: request fields that this strategy cannot honour; they are answered 400, never dropped.
    """

    name: ClassVar[str]
    scorer_kinds: ClassVar[tuple[ScorerKind, ...]] = ()
    live_stages: ClassVar[frozenset[Stage]] = frozenset()
    refuses: ClassVar[frozenset[str]] = frozenset()

    explain: Literal["none", "summary", "full"] = Field(
        "summary",
        description="How much of the decision to report: nothing, all but the texts, or everything.",
    )
    budget: Budget = Field(default_factory=Budget, description="What the request may spend.")

    @property
    def stops_early(self) -> bool:
        """Whether a draw may be left before all candidates ended; it is then followed, so that all is counted."""
        return False

    def for_precomputed(self, count: int) -> Self:
        """The same strategy for `count` candidates that are all there, so that nothing is drawn and nothing left.

        InvalidRequest where the strategy does not select among candidates.
        """
        return self

    def under_load(self, *, is_busy: bool) -> Self:
        """The same strategy with what it chooses by the engine's load, where the request left that open."""
        return self

    @property
    def uses_scorer(self) -> bool:
        """Whether this request asks a scorer; a strategy that can do without one says so itself."""
        return bool(self.scorer_kinds)

    def check_scorer(self, scorers: ScorerLookup) -> None:
        """Raise what is wrong with the request's scorer beyond its kind; called before anything is drawn."""
        return

    @property
    def generators(self) -> Mapping[Stage, str]:
        """The configured generators that take the place of the served one, by the stage in which they do."""
        return {}

    @abstractmethod
    def num_samples(self, k: int) -> int:
        """How many candidates will be drawn, at most, to return `k`: what admission is asked for."""

    def further_tokens(self, max_tokens: int) -> int:
        """The most tokens that are generated beside the candidates, which have up to `max_tokens` each."""
        return 0

    def live_view(self, stage: Stage, k: int) -> StreamFilter | None:
        """What may be streamed of one draw, in a request for `k` answers: a fresh filter, or None for nothing.

        What a view lets through is text of the answer of the same index, from its start on, and never taken back.
        """
        return _whole if stage in self.live_stages else None

    @abstractmethod
    async def run(self, prompt: Prompt, engine: Engine, scorers: Scorers) -> Outcome:
        """Draw, score, decide. Raises the errors of `strategies.base.errors`."""


def _whole(delta: Delta) -> Delta:
    return delta
