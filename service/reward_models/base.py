"""What the service asks of reward models beyond the scorer ports, and what the adapters here ask of a model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from strategies.base.errors import ScorerFailed, TooLongToScore
from strategies.base.ports import ScorerKind, Scorers

FailureReason = Literal[
    "dead",
    "aborted",
    "too_long",
    "not_finite",
    "unreachable",
    "timeout",
    "overloaded",
    "refused",
    "bad_answer",
    "short_answer",
    "error",
]
"""Why a reward model gave no number, as errors and metrics name it.

`dead`: its engine is gone; `aborted`: the reading was stopped; `too_long`: the input does not fit the model;
`not_finite`: NaN or an infinity; of a remote one, `unreachable`: no connection, or it broke; `timeout`: no answer in
the time of one attempt; `overloaded`: too busy, each time; `refused`: another status; `bad_answer`: an answer that is
not of its API; `short_answer`: not one number a text; `error`: anything else.
"""

Row = tuple[float, ...]
"""The raw logits at one token, one for each label of the head."""


class ScorerLoadError(RuntimeError):
    """A scorer cannot be loaded as configured; the message is one line that names it and says what to do."""


class PoolingFailed(Exception):
    """A reward model gave no number; the scorer that asked turns this into ScorerFailed under its own name."""

    def __init__(self, message: str, reason: FailureReason) -> None:
        super().__init__(message)
        self.reason = reason


@contextmanager
def failures_of(scorer: str) -> Iterator[None]:
    """Whatever the model raises inside is the failure of `scorer`."""
    try:
        yield
    except PoolingFailed as error:
        kind = TooLongToScore if error.reason == "too_long" else ScorerFailed
        raise kind(f"scorer {scorer!r}: {error}", scorer=scorer, reason=error.reason) from error


@dataclass(frozen=True, slots=True)
class TokenQuery:
    """An input and the tokens whose rows are wanted, as indices into it, never falling; at least one."""

    ids: Sequence[int]
    positions: Sequence[int]


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows asked for, in order; `tokens` were read for them, `cached` of those from the prefix cache."""

    rows: tuple[Row, ...]
    tokens: int
    cached: int = 0


class Resource(Protocol):
    """What stands behind a scorer and has a life of its own: an engine, a model, a connection."""

    async def check_health(self) -> None:
        """Return if it can serve; PoolingFailed says why not."""

    def close(self) -> None:
        """Stop it and everything it started; blocks for seconds, safe to call twice."""

    async def aclose(self) -> None:
        """The same without blocking the loop."""


class PoolingModel(Resource, Protocol):
    """A reward model that reads token ids and returns raw logits; PoolingFailed if it cannot."""

    @property
    def max_model_len(self) -> int:
        """The longest input in tokens."""

    @property
    def dtype(self) -> str: ...

    async def classify(self, inputs: Sequence[Sequence[int]]) -> list[Reading]:
        """The row at the last token of each input, as a reading of one row."""

    async def token_classify(self, queries: Sequence[TokenQuery]) -> list[Reading]:
        """The rows at the tokens asked for."""


@dataclass(frozen=True, slots=True)
class ScorerInfo:
    """Facts about a loaded scorer, as `/v1/scorers` tells them; None where a script stands in for a model."""

    name: str
    kind: ScorerKind
    backend: str
    model: str
    dtype: str | None = None
    max_model_len: int | None = None
    parameters: int | None = None
    label: int | None = None
    activation: str | None = None
    step_delimiter: str | None = None
    members: tuple[str, ...] | None = None
    rule: str | None = None
    normalisation: str | None = None
    objectives: tuple[str, ...] | None = None
    compares: bool | None = None
    generator: str | None = None
    url: str | None = None


class ServedScorers(Scorers, Protocol):
    """The loaded scorers as the application holds them: a port with a life of its own."""

    def describe(self) -> Sequence[ScorerInfo]:
        """The loaded scorers in the order of the configuration."""

    async def check_order(self) -> None:
        """Return if every scorer puts a right answer above a wrong one; ScorerLoadError names one that does not."""

    async def check_health(self) -> None:
        """Return if all can score; ScorerFailed names the first that cannot."""

    async def aclose(self) -> None:
        """Stop every engine; safe to call twice."""
