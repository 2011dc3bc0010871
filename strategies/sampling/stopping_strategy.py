"""A strategy that votes, and may stop the draw before all candidates are there."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from strategies.answers.early_stopping import is_settled
from strategies.answers.voting_strategy import VotingStrategy
from strategies.base.field_errors import WrongField
from strategies.base.ports import Engine
from strategies.base.types import Candidate, Detail, Prompt
from strategies.sampling.sample import Listener, Sampled, draw
from strategies.sampling.stopping import Stop, certainty, wave_sizes


class StoppingStrategy(VotingStrategy):
    """A vote with a stopping rule: `stop` says when the answer is sure enough, `waves` how many are drawn at once.

    `exact_stop`: whether the vote is by count alone, so that the rule `decided` is exact.
    """

    exact_stop: ClassVar[bool] = True

    stop: Stop = Field(
        "decided",
        description="When to stop the draw: `decided` once the rest cannot change the answer, `beta` once the leader "
        "stays ahead with `confidence`, `agreement` once it has that share, `window` once the last so many agree.",
    )
    confidence: float = Field(
        0.95, gt=0.5, lt=1, description="With `beta`: probability that the leader stays."
    )
    agreement: float = Field(0.75, gt=0, le=1, description="With `agreement`: share of the leading answer.")
    window: int = Field(5, ge=2, le=1024, description="With `window`: answers in a row that must be equal.")
    waves: Literal["all", "double"] | Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Candidates drawn at once: `all`, `double` (2, then as many again), or a number. Few cost fewer "
        "tokens and more time (default: `all`, or `double` while the engine is busy).",
    )

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        owners = {"confidence": "beta", "agreement": "agreement", "window": "window"}
        for name, owner in owners.items():
            if name in self.model_fields_set and self.stop != owner:
                raise WrongField(name, f"{name} goes with stop: {owner}")
        if self.stop == "decided" and not self.exact_stop:
            raise WrongField(
                "stop", "decided is exact for votes by count; here take beta, agreement or window"
            )
        return self

    @property
    def stops_early(self) -> bool:
        return self.stop != "none"

    def for_precomputed(self, count: int) -> Self:
        return self.model_copy(update={"stop": "none", "waves": "all"})

    def under_load(self, *, is_busy: bool) -> Self:
        if self.waves is not None:
            return self
        return self.model_copy(update={"waves": "double" if is_busy and self.stops_early else "all"})

    async def draw_votes(
        self, prompt: Prompt, n: int, engine: Engine, on_end: Listener | None = None
    ) -> Sampled:
        """Draw up to `n` candidates, wave by wave, until the rule is satisfied; `on_end` is told of each."""
        rule = _Rule(self, n, prompt.k)
        drawn: list[Candidate] = []
        for size in wave_sizes(n, self.waves or "all"):
            drawn += await draw(prompt, size, engine, _both(on_end, rule.vote), start=len(drawn))
            if rule.is_satisfied or len(drawn) < rule.expected(size) or rule.wave_ended():
                break
        return Sampled(drawn, rule.details(n - len(drawn)))


@dataclass(slots=True)
class _Rule:
    """The stopping rule of one draw as its candidates end."""

    strategy: StoppingStrategy
    n: int
    k: int
    is_satisfied: bool = False
    sure: float | None = None
    _ballots: dict[int, Hashable | None] = field(default_factory=dict)
    _started: int = 0

    def vote(self, candidate: Candidate) -> bool:
        """Count one candidate; True once the draw may stop at once."""
        answer = self.strategy.answer.read(candidate)
        self._ballots[candidate.index] = None if answer is None else answer.key
        if self.strategy.stop == "decided":
            may_merge = self.strategy.equivalence == "math"
            self.is_satisfied = is_settled(self._ballots, self.n, self.k, may_merge=may_merge)
        elif self.strategy.stop == "beta" or (self.strategy.waves or "all") == "all":
            self._look()
        return self.is_satisfied

    def wave_ended(self) -> bool:
        """Whether a whole wave satisfies the rule: a share of a wave is not biased towards short answers."""
        self._look()
        return self.is_satisfied

    def expected(self, size: int) -> int:
        """How many have ended by now, unless a limit of the request ended the draw."""
        self._started += size
        return self._started

    def details(self, spared: int) -> dict[str, Detail]:
        if not self.is_satisfied or spared <= 0:
            return {}
        told: dict[str, Detail] = {"stopped_early": spared}
        return told | (
            {} if self.sure is None else {"stop": self.strategy.stop, "stop_confidence": self.sure}
        )

    def _look(self) -> None:
        strategy = self.strategy
        if strategy.stop in ("decided", "none") or self.k > 1:
            return
        self.sure = certainty(
            strategy.stop,
            list(self._ballots.values()),
            confidence=strategy.confidence,
            agreement=strategy.agreement,
            window=strategy.window,
        )
        self.is_satisfied = self.sure is not None


def _both(first: Listener | None, second: Callable[[Candidate], bool]) -> Listener:
    def told(candidate: Candidate) -> bool:
        stops = bool(first(candidate)) if first is not None else False
        return second(candidate) or stops

    return told
