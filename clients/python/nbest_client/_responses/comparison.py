"""Strategies side by side: what each made of the same question, and what it cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from nbest_client._errors import NbestError
from nbest_client._responses.display import Block, Shown, Table
from nbest_client._responses.explanation import Candidate, Explanation
from nbest_client._responses.results import Generation
from nbest_client._strategy import AnyStrategy

_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


_SHORT = 60
"""Characters up to which an answer is shown in the place of the text."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What one strategy made of the question: a result, or the error in its place; `seconds` as the caller waited.

    The figures are the result's, each None where there is no result or it does not say.
    """

    COLUMNS: ClassVar[Sequence[str]] = (
        *("strategy", "answer", "score", "candidates", "tokens", "FLOPs", "seconds", "phases", "degraded"),
    )

    strategy: str
    seconds: float
    result: Generation | None = None
    error: NbestError | None = None

    @classmethod
    def of(
        cls, strategy: AnyStrategy | None, seconds: float, outcome: "Generation | NbestError"
    ) -> "Compared":
        """One row of a comparison."""
        name = "no strategy" if strategy is None else str(strategy)
        if isinstance(outcome, NbestError):
            return cls(name, seconds, error=outcome)
        return cls(name, seconds, result=outcome)

    @property
    def answer(self) -> str | None:
        """The answer that was extracted from the returned text; the whole text where none was."""
        if self.result is None:
            return None
        answer = self._winner.answer if self._winner else None
        # A text that is its own answer is told folded: people read it as it was written.
        return answer if answer and len(answer) <= _SHORT else self.result.text

    @property
    def score(self) -> float | None:
        """The winner's, on the scale of its strategy's scorer: scores of different scorers do not compare."""
        return self._winner.score if self._winner else None

    @property
    def candidates(self) -> int | None:
        """How many answers were drawn or fused."""
        return len(self._told.candidates) if self._told else None

    @property
    def tokens(self) -> int | None:
        """Tokens generated, all candidates together."""
        usage = self.result.usage if self.result else None
        return usage.completion_tokens if usage else None

    @property
    def flops(self) -> int | None:
        """Operations of the generator and the reward models; None too where the size of a model is not known."""
        return self._told.cost.flops if self._told and self._told.cost else None

    @property
    def time_ms(self) -> Mapping[str, float]:
        """Milliseconds by phase, as the server measured them."""
        return self._told.time_ms if self._told else {}

    @property
    def degraded(self) -> str | None:
        """Why the answer is less than was asked for."""
        return self._told.degraded if self._told else None

    def cells(self) -> list[object]:
        """One row of a table with these columns; an error stands where the answer would."""
        answer = self.answer if self.error is None else f"{type(self.error).__name__}: {self.error}"
        phases = ", ".join(f"{phase} {ms / 1000:.2f} s" for phase, ms in self.time_ms.items())
        spent = [self.candidates, self.tokens, prefixed(self.flops), self.seconds, phases or None]
        return [self.strategy, answer, self.score, *spent, self.degraded]

    @property
    def _told(self) -> Explanation | None:
        return self.result.explanation if self.result else None

    @property
    def _winner(self) -> Candidate | None:
        return self._told.winner if self._told else None


@dataclass(frozen=True, slots=True)
class Comparison(Shown):
    """The same question asked of several strategies, in the order in which they were given."""

    rows: tuple[Compared, ...]

    @property
    def results(self) -> list[Generation]:
        """Those that came; the first error is raised where one did not."""
        for row in self.rows:
            if row.error is not None:
                raise row.error
        return [row.result for row in self.rows if row.result is not None]

    def _blocks(self) -> Sequence[Block]:
        return [Table(f"{len(self.rows)} strategies", Compared.COLUMNS, [row.cells() for row in self.rows])]


def prefixed(count: int | None) -> str | None:
    """A large count with three digits and an SI prefix, as `1.23 T`."""
    if count is None:
        return None
    for size, prefix in _PREFIXES:
        # What would be rounded up to 1000 of the smaller unit is 1 of this one.
        if count >= size * 0.9995:
            return f"{_three_digits(count / size)} {prefix}"
    return str(count)


def _three_digits(value: float) -> str:
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f}"
