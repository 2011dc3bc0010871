"""A committee of k candidates from the rankings of several scorers, whose scales need not agree. Pure.

Source: multiwinner voting (arXiv 2306.09835): Borda, single non-transferable vote, and Chamberlin-Courant, whose greedy
form is within 1 - 1/e of the best committee.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Literal

from strategies.base.ranking import is_number

CommitteeRule = Literal["borda", "sntv", "chamberlin_courant"]


def ranks(scores: Sequence[float | None]) -> list[float]:
    """The rank of each candidate by one scorer, 1 for the best; equal scores share their mean rank, none is last."""
    keys = [-score if score is not None and is_number(score) else float("inf") for score in scores]
    order = sorted(keys)
    return [_mean_place(order, key) for key in keys]


def borda(scores: Sequence[float | None]) -> list[float]:
    """The number of candidates minus the rank: m - 1 for the best of m, 0 for the last."""
    return [len(scores) - rank for rank in ranks(scores)]


def committee(
    rule: CommitteeRule,
    tables: Sequence[Sequence[float | None]],
    k: int,
    *,
    groups: Sequence[Hashable | None] = (),
    at_least: Mapping[Hashable, int] | None = None,
) -> list[int]:
    """`k` candidates, in the order of choice; `tables` are the scores of each scorer, one row a scorer.

    `at_least` first takes so many of each group, the best by the rule. Ties go to the lower index.
    """
    points = [borda(table) for table in tables]
    n = len(points[0]) if points else 0
    chosen: list[int] = []
    for group, count in (at_least or {}).items():
        members = [i for i in range(n) if groups[i] == group]
        _extend(rule, points, chosen, members, min(len(chosen) + count, k))
    _extend(rule, points, chosen, list(range(n)), k)
    return chosen


def _extend(
    rule: CommitteeRule, points: Sequence[Sequence[float]], chosen: list[int], pool: Sequence[int], size: int
) -> None:
    """Add the best of the pool until the committee has that size, or the pool is used up."""
    while len(chosen) < size and (rest := [i for i in pool if i not in chosen]):
        chosen.append(max(rest, key=lambda i: (_worth(rule, points, chosen, i), _total(points, i), -i)))


def _worth(rule: CommitteeRule, points: Sequence[Sequence[float]], chosen: Sequence[int], i: int) -> float:
    if rule == "borda":
        return _total(points, i)
    if rule == "sntv":
        return sum(table[i] == max(table) for table in points)
    return sum(max(table[j] for j in [*chosen, i]) for table in points)


def _total(points: Sequence[Sequence[float]], i: int) -> float:
    return sum(table[i] for table in points)


def _mean_place(order: Sequence[float], key: float) -> float:
    first = order.index(key)
    return first + (order.count(key) + 1) / 2
