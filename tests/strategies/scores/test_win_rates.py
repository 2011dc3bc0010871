"""Shares of wins equal a count over every pair; one order alone never decides anything."""

import math
from collections import Counter
from itertools import chain, combinations
from random import Random

import pytest

from strategies.scores.win_rates import Comparison, Winner, pairs, win_rates
from tests.random_cases import random_cases, several


def _reading(rng: Random) -> Comparison:
    first, second = rng.sample(range(4), 2)
    return Comparison(first, second, rng.choice(["first", "second", "tie", None]))


def reference(count: int, readings: list[Comparison]) -> list[float | None]:
    """For each candidate, each opponent: its verdicts in both orders, averaged, as a win, a loss or a tie."""
    rates: list[float | None] = []
    for me in range(count):
        points = []
        for you in range(count):
            mine = [c.winner for c in readings if (c.first, c.second) == (me, you) and c.winner]
            yours = [c.winner for c in readings if (c.first, c.second) == (you, me) and c.winner]
            if me == you or not mine or not yours:
                continue
            ahead = (mine.count("first") - mine.count("second")) / len(mine)
            ahead += (yours.count("second") - yours.count("first")) / len(yours)
            points.append(1.0 if ahead > 0 else 0.0 if ahead < 0 else 0.5)
        rates.append(sum(points) / len(points) if points else None)
    return rates


def both(one: int, other: int, first: Winner, second: Winner) -> list[Comparison]:
    return [Comparison(one, other, first), Comparison(other, one, second)]


def test_by_hand() -> None:
    # 0 beats 1 in both orders; 1 beats 2; 0 and 2 go by the position, which is a tie
    readings = both(0, 1, "first", "second") + both(1, 2, "first", "second") + both(0, 2, "first", "first")
    assert win_rates(3, readings) == [0.75, 0.5, 0.25]


def test_a_judge_that_always_prefers_the_first_place_tells_nobody_apart() -> None:
    readings = [c for pair in combinations(range(4), 2) for c in both(*pair, "first", "first")]
    assert win_rates(4, readings) == [0.5] * 4


def test_one_order_alone_does_not_count() -> None:
    assert win_rates(2, [Comparison(0, 1, "first"), Comparison(1, 0, None)]) == [None, None]


@random_cases(lambda rng: (several(rng, _reading, 0, 24),), count=2500)
def test_equals_the_count(readings: list[Comparison]) -> None:
    for found, wanted in zip(win_rates(4, readings), reference(4, readings), strict=True):
        assert (found is None) == (wanted is None)
        assert found is None or math.isclose(found, wanted or 0.0)


def test_pairs_by_hand() -> None:
    assert pairs(3) == [(0, 1), (0, 2), (1, 2)]
    assert pairs(5, 2) == [(0, 1), (0, 4), (1, 2), (2, 3), (3, 4)]
    assert pairs(1) == pairs(0) == []
    assert pairs(2, 1) == [(0, 1)]


@random_cases(lambda rng: (rng.randint(0, 40), rng.randint(1, 45)))
def test_each_meets_as_many_as_asked_for_or_one_more(count: int, opponents: int) -> None:
    chosen = pairs(count, opponents)
    assert len(set(chosen)) == len(chosen)
    assert all(0 <= low < high < count for low, high in chosen)
    meetings = Counter(chain.from_iterable(chosen))
    met = [meetings[i] for i in range(count)]
    wanted = min(opponents, max(count - 1, 0))
    assert all(wanted <= number <= wanted + 1 for number in met)
    assert len(set(met)) <= 1


@pytest.mark.parametrize("count", [2, 5, 16])
def test_without_a_limit_each_meets_all(count: int) -> None:
    assert len(pairs(count)) == count * (count - 1) // 2 == len(pairs(count, count - 1))


@pytest.mark.parametrize(
    ("count", "opponents", "expected"),
    [
        (4, 2, [(0, 1), (0, 3), (1, 2), (2, 3)]),
        (4, 3, [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]),
        (5, 2, [(0, 1), (0, 4), (1, 2), (2, 3), (3, 4)]),
        (3, 2, [(0, 1), (0, 2), (1, 2)]),
    ],
)
def test_who_meets_whom_by_hand(count: int, opponents: int, expected: list[tuple[int, int]]) -> None:
    assert pairs(count, opponents) == expected
