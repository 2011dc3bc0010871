"""Quantiles equal a count over all pairs in exact fractions, and the transformations keep the order."""

import math
from collections.abc import Sequence
from fractions import Fraction
from random import Random

import pytest

from strategies.scores.quantiles import Transform, calibrated, quantiles, transformed
from tests.random_cases import any_float, number, random_cases, several

NAN, INF = math.nan, math.inf


def _score(rng: Random) -> float | None:
    """Few distinct values, so that ties are common."""
    return rng.choice([None, rng.choice([NAN, INF, -INF, -1.0, 0.0, 0.5, 2.0]), any_float(rng)])


def reference(score: float | None, drawn: Sequence[float | None]) -> Fraction | None:
    """The chance to beat a draw, pair by pair; a tie is half a win."""
    others = [d for d in drawn if d is not None and math.isfinite(d)]
    if score is None or not math.isfinite(score) or not others:
        return None
    wins = Fraction(0)
    for other in others:
        wins += 1 if score > other else Fraction(1, 2) if score == other else 0
    return wins / len(others)


@pytest.mark.parametrize(
    ("score", "drawn", "value"),
    [
        (3.0, [1.0, 2.0, 4.0, 5.0], 0.5),
        (1.0, [1.0, 2.0, 4.0, 5.0], 0.125),
        (9.0, [1.0, 2.0], 1.0),
        (0.0, [1.0, 2.0], 0.0),
        (1.0, [1.0, 1.0, 1.0], 0.5),
        (1.0, [1.0, None, NAN, INF], 0.5),
        (1.0, [], None),
        (1.0, [NAN, None], None),
        (NAN, [1.0], None),
        (INF, [1.0], None),
        (None, [1.0], None),
    ],
)
def test_worked_examples(score: float | None, drawn: list[float | None], value: float | None) -> None:
    assert calibrated(score, drawn) == value


def test_a_pool_by_hand() -> None:
    assert quantiles([10.0, 30.0, 20.0, 20.0]) == [0.125, 0.875, 0.5, 0.5]
    assert quantiles([7.0]) == [0.5]
    assert quantiles([2.0, NAN, None, 1.0]) == [0.75, None, None, 0.25]


@random_cases(lambda rng: (several(rng, _score, 0, 12), _score(rng)), count=2500)
def test_equals_counting_all_pairs(drawn: list[float | None], score: float | None) -> None:
    wanted = reference(score, drawn)
    assert calibrated(score, drawn) == (None if wanted is None else float(wanted))
    assert quantiles(drawn) == [None if w is None else float(w) for w in (reference(d, drawn) for d in drawn)]


@random_cases(lambda rng: (several(rng, lambda r: number(r, -1e6, 1e6), 1, 12),))
def test_only_the_order_matters_and_the_mean_is_one_half(scores: list[float]) -> None:
    ranks = {value: float(i) for i, value in enumerate(sorted(set(scores)))}
    found = quantiles(scores)
    assert found == quantiles([math.atan(ranks[score]) for score in scores])
    assert math.isclose(math.fsum(u for u in found if u is not None) / len(scores), 0.5)


@pytest.mark.parametrize(
    ("quantile", "transform", "sharpness", "value"),
    [
        (0.0, "best_of_n", 10.0, 1.0),
        (1.0, "best_of_n", 10.0, math.e**10),
        (0.5, "best_of_n", 2.0, math.e),
        (0.0, "worst_of_n", 10.0, -1.0),
        (0.5, "worst_of_n", 2.0, -1 / math.e),
    ],
)
def test_transformations_by_hand(
    quantile: float, transform: Transform, sharpness: float, value: float
) -> None:
    assert math.isclose(transformed(quantile, transform, sharpness), value, rel_tol=1e-12)


@random_cases(lambda rng: (rng.randint(0, 64), rng.randint(0, 64), rng.choice(["best_of_n", "worst_of_n"])))
def test_a_transformation_never_changes_the_order(low: int, high: int, transform: Transform) -> None:
    one, other = low / 64, high / 64
    assert (one < other) == (transformed(one, transform) < transformed(other, transform))


@pytest.mark.parametrize("quantile", [-0.1, 1.1, NAN])
def test_what_is_no_quantile_is_refused(quantile: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        transformed(quantile, "best_of_n")
