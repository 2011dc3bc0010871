"""Figures over problems with their 95 % intervals, by resampling the problems; comparisons resample pairs."""

from collections.abc import Callable, Sequence
from statistics import fmean

from benchmarks.measure import Measured
from service.embedded.evaluation.metrics import interval

Figure = Callable[[Measured], float]
Pair = tuple[Measured, Measured]


def spread(items: Sequence[Measured], figure: Figure) -> tuple[float, float, float]:
    """The mean of a figure and its interval: (mean, low, high)."""
    values = [figure(item) for item in items]
    return fmean(values), *interval(values, fmean)


def ratio(pairs: Sequence[Pair], figure: Figure) -> tuple[float, float, float]:
    """How many times the first of each pair spends the second, in all, and its interval."""

    def times(drawn: Sequence[Pair]) -> float:
        return sum(figure(one) for one, _ in drawn) / sum(figure(other) for _, other in drawn)

    return times(pairs), *interval(pairs, times)


def difference(pairs: Sequence[Pair], figure: Figure) -> tuple[float, float, float]:
    """By how much the second of each pair exceeds the first, on average, and its interval."""

    def gained(drawn: Sequence[Pair]) -> float:
        return fmean(figure(other) - figure(one) for one, other in drawn)

    return gained(pairs), *interval(pairs, gained)


def told(spread: tuple[float, float, float], form: str = ".2f") -> str:
    """`0.54 (0.47-0.60)`, as the tables of the documentation spell it."""
    middle, low, high = (format(value, form) for value in spread)
    return f"{middle} ({low} to {high})" if low[0] in "+-" else f"{middle} ({low}-{high})"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose first column is text and whose others are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
