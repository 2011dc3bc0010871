"""Committees from rankings: by hand, against all subsets, and with places kept for groups."""

import itertools
import math
from collections.abc import Sequence
from random import Random

import pytest

from strategies.selection.committees import borda, committee, ranks
from tests.random_cases import generators


def test_equal_scores_share_their_mean_rank_and_none_is_last() -> None:
    assert ranks([0.5, 0.9, 0.5, None]) == [2.5, 1.0, 2.5, 4.0]
    assert ranks([None, None, math.nan]) == [2.0, 2.0, 2.0]
    assert borda([1.0, 2.0, 3.0]) == [0.0, 1.0, 2.0]


def table(rng: Random) -> list[list[float | None]]:
    n = rng.randint(1, 8)
    return [[rng.choice([None, *range(5)]) for _ in range(n)] for _ in range(rng.randint(1, 4))]


def slow_points(scores: Sequence[float | None]) -> list[float]:
    """A point for each candidate that is beaten, half a point for each other that is equal."""
    values = [-math.inf if s is None else s for s in scores]
    return [
        sum(1.0 if a > b else 0.5 if a == b and i != j else 0.0 for j, b in enumerate(values))
        for i, a in enumerate(values)
    ]


def test_points_are_candidates_beaten() -> None:
    for rng in generators(200):
        for row in table(rng):
            assert borda(row) == pytest.approx(slow_points(row))


@pytest.mark.parametrize("rule", ["borda", "sntv"])
def test_a_sum_over_members_is_best_of_all_subsets(rule: str) -> None:
    for rng in generators(100):
        tables = table(rng)
        points = [slow_points(row) for row in tables]
        each = [
            sum(row[i] if rule == "borda" else row[i] == max(row) for row in points)
            for i in range(len(points[0]))
        ]
        k = rng.randint(1, len(each))
        chosen = committee(rule, tables, k)  # type: ignore[arg-type]
        best = max(sum(each[i] for i in rows) for rows in itertools.combinations(range(len(each)), k))
        assert sum(each[i] for i in chosen) == pytest.approx(best)
        assert len(set(chosen)) == k


def test_chamberlin_courant_is_within_its_bound_of_the_best_subset() -> None:
    for rng in generators(100):
        tables = table(rng)
        points = [slow_points(row) for row in tables]

        def worth(rows: Sequence[int], points: list[list[float]] = points) -> float:
            return sum(max(row[i] for i in rows) for row in points)

        k = rng.randint(1, len(points[0]))
        chosen = committee("chamberlin_courant", tables, k)
        best = max(worth(rows) for rows in itertools.combinations(range(len(points[0])), k))
        assert worth(chosen) >= (1 - 1 / math.e) * best - 1e-9


def test_places_are_kept_for_groups() -> None:
    scores = [[9.0, 8.0, 7.0, 1.0]]
    assert committee("borda", scores, 2) == [0, 1]
    assert committee("borda", scores, 2, groups=["a", "a", "a", "b"], at_least={"b": 1}) == [3, 0]
    assert committee("borda", scores, 1, groups=["a", "a", "a", "b"], at_least={"b": 2, "a": 1}) == [3]
