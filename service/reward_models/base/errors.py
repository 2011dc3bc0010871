"""Why a scorer cannot be loaded, and why a reward model gave no number."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from strategies.base.errors import EngineFailed, InvalidRequest, ScorerFailed, StartError, TooLongToScore

FailureReason = Literal[
    "engine_dead",
    "aborted",
    "too_long",
    "not_finite",
    "unreachable",
    "timeout",
    "overloaded",
    "refused",
    "invalid_response",
    "length_mismatch",
    "error",
]
"""Why a reward model gave no number, as errors and metrics name it.

`engine_dead`: its engine is gone; `aborted`: the reading was stopped; `too_long`: the input does not fit the model;
`not_finite`: NaN or an infinity; of a remote one, `unreachable`: no connection, or it broke; `timeout`: no answer in
the time of one attempt; `overloaded`: too busy, each time; `refused`: another status; `invalid_response`: an answer
that is not of its API; `length_mismatch`: not one number a text; `error`: anything else.
"""


class ScorerLoadError(StartError):
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


@contextmanager
def failures_of_generator(scorer: str) -> Iterator[None]:
    """Whatever a generator raises inside is the failure of `scorer`: a caller cannot mend the judge's question."""
    try:
        yield
    except EngineFailed as error:
        raise ScorerFailed(f"scorer {scorer!r}: {error}", scorer=scorer, reason="engine_dead") from error
    except InvalidRequest as error:
        if error.param in ("messages", "prompt"):
            raise TooLongToScore(f"scorer {scorer!r}: {error}", scorer=scorer, reason="too_long") from error
        raise ScorerFailed(f"scorer {scorer!r}: {error}", scorer=scorer) from error
