"""Thousands of random cases for a rule with a slow reference: drawn with `random`, so that one costs microseconds.

pytest-randomly seeds `random` for every test and prints the seed in the head of its report; `--randomly-seed=<seed>`
draws the same cases again.
"""

import inspect
import math
import random
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final, TypeVar

COUNT: Final = 2000
T = TypeVar("T")


def random_cases(draw: Callable[[Random], tuple[Any, ...]], count: int = COUNT) -> Callable[..., Any]:
    """Decorate a test, async or not, to be called with each of `count` draws; the shortest that fails is told."""

    def decorate(test: Callable[..., Any]) -> Callable[[], Any]:
        def run() -> None:
            trial = _Trial(draw, count)
            for case in trial.cases():
                with trial.of(case):
                    test(*case)
            trial.end()

        async def run_async() -> None:
            trial = _Trial(draw, count)
            for case in trial.cases():
                with trial.of(case):
                    await test(*case)
            trial.end()

        chosen: Any = run_async if inspect.iscoroutinefunction(test) else run
        # Not functools.wraps: pytest would take the parameters of `test` for fixtures.
        chosen.__name__, chosen.__doc__, chosen.__module__ = test.__name__, test.__doc__, test.__module__
        return chosen  # type: ignore[no-any-return]  # one of the two above

    return decorate


def generators(count: int) -> Iterator[Random]:
    """`count` generators, each with a seed of its own: for a case that takes several draws."""
    return (Random(random.getrandbits(64)) for _ in range(count))


def several(rng: Random, draw: Callable[[Random], T], least: int, most: int) -> list[T]:
    """`least` to `most` draws, every length as likely; one time in ten they are all equal."""
    length = rng.randint(least, most)
    if rng.random() < 0.1:
        return [draw(rng)] * length
    return [draw(rng) for _ in range(length)]


def number(rng: Random, low: float, high: float) -> float:
    """A number of a range: its ends, its middle and whole numbers as often as any other."""
    between = rng.uniform(low, high)
    return rng.choice(
        [low, high, (low + high) / 2, min(high, max(low, float(round(between)))), between, between]
    )


def any_float(rng: Random) -> float:
    """Any bits: huge, tiny and subnormal numbers, both zeros, infinities and NaN."""
    special = rng.choice([0.0, -0.0, 5e-324, math.inf, -math.inf, math.nan, 1.7976931348623157e308])
    drawn: float = struct.unpack("d", rng.randbytes(8))[0]
    return rng.choice([special, drawn, drawn])


class _Trial:
    """The cases of one test, and of those that failed the one that is the shortest to write down."""

    def __init__(self, draw: Callable[[Random], tuple[Any, ...]], count: int) -> None:
        self._draw = draw
        self._count = count
        self._failed: list[tuple[str, Exception]] = []

    def cases(self) -> Iterator[tuple[Any, ...]]:
        rng = Random(random.getrandbits(64))
        return (self._draw(rng) for _ in range(self._count))

    @contextmanager
    def of(self, case: tuple[Any, ...]) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._failed.append((repr(case), error))

    def end(self) -> None:
        if self._failed:
            case, error = min(self._failed, key=lambda failure: len(failure[0]))
            error.add_note(f"{len(self._failed)} of {self._count} random cases fail; the shortest: {case}")
            raise error
