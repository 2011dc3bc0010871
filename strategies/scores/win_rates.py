"""From the verdicts of a pairwise judge to a score for each candidate: its share of wins.

Sources: both orders of every pair, and a verdict that changes with the order counts as a tie: "Large Language Models
are not Fair Evaluators" (arXiv 2305.17926, balanced position calibration). The share of wins, ties counting one half,
is the score of Copeland's method, divided by the number of comparisons so that those left out do not count.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

Winner = Literal["first", "second", "tie"]
"""What a judge said of the two texts in the order in which it read them."""


class Comparison(NamedTuple):
    """One reading of two candidates, by position, in the order in which they stood; None where there was no verdict."""

    first: int
    second: int
    winner: Winner | None


def pairs(count: int, opponents: int | None = None) -> list[tuple[int, int]]:
    """The pairs to compare among `count` candidates: all, or a circle in which each meets about `opponents` others.

    In the circle candidate i meets those 1 to opponents // 2 places further on (rounded up), so that all have the same
    number of comparisons, up to the last one of an odd number.
    """
    if opponents is None or opponents >= count - 1:
        return list(combinations(range(count), 2))
    reach = -(-opponents // 2)
    found = {tuple(sorted((i, (i + step) % count))) for i in range(count) for step in range(1, reach + 1)}
    return [(low, high) for low, high in sorted(found)]


def win_rates(count: int, comparisons: Iterable[Comparison]) -> list[float | None]:
    """The share of its comparisons that each candidate won, ties at one half, in [0, 1].

    A comparison is the pair: all readings of it together, in both orders. It is won by whoever won more of those
    that have a verdict, and a tie where none did. A pair that was not read with a verdict in both orders does not
    count, for it is not balanced. A candidate without any comparison has no score.
    """
    points, played = [0.0] * count, [0] * count
    for (one, other), lead in _balanced(comparisons).items():
        won = 0.5 if lead == 0 else float(lead > 0)
        points[one] += won
        points[other] += 1 - won
        played[one] += 1
        played[other] += 1
    return [points[i] / played[i] if played[i] else None for i in range(count)]


def _balanced(comparisons: Iterable[Comparison]) -> dict[tuple[int, int], float]:
    """How far the lower position of each pair leads, counting the mean verdict of each order once."""
    read: dict[tuple[int, int], list[int]] = {}
    for comparison in comparisons:
        if comparison.winner is not None:
            read.setdefault(comparison[:2], []).append(_lead(comparison.winner))
    return {
        (one, other): _mean(verdicts) - _mean(read[other, one])
        for (one, other), verdicts in read.items()
        if one < other and (other, one) in read
    }


def _lead(winner: Winner) -> int:
    return {"first": 1, "second": -1, "tie": 0}[winner]


def _mean(verdicts: Sequence[int]) -> float:
    return sum(verdicts) / len(verdicts)
