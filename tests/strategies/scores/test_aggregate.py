"""Aggregates agree with sums and products written out in exact fractions, and a NaN is never lost."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from random import Random

import pytest

from strategies.scores.aggregate import Aggregation, aggregate
from tests.random_cases import any_float, random_cases, several

NAN, INF = math.nan, math.inf
WAYS: tuple[Aggregation, ...] = ("last", "min", "mean", "product", "max", "weighted")


def reference(steps: list[float], how: Aggregation) -> Fraction:
    """The definition, one step at a time, without rounding."""
    total, product = Fraction(0), Fraction(1)
    least = most = Fraction(steps[0])
    for step in steps:
        total += Fraction(step)
        product *= Fraction(step)
        least = Fraction(step) if Fraction(step) < least else least
        most = Fraction(step) if Fraction(step) > most else most
    table: dict[Aggregation, Fraction] = {
        "last": Fraction(steps[-1]), "min": least, "mean": total / len(steps), "product": product, "max": most,
        "weighted": softmin(steps) if how == "weighted" else total,
    }  # fmt: skip
    return table[how]


def softmin(steps: list[float]) -> Fraction:
    """The shares exp(-10 * step) of all steps, in decimals of a hundred digits; the mean that they weigh."""
    with localcontext(prec=100):
        shares = [(Decimal(step) * -10).exp() for step in steps]
        total = sum(
            (share * Decimal(step) for share, step in zip(shares, steps, strict=True)), start=Decimal(0)
        )
        return Fraction(total / sum(shares))


@pytest.mark.parametrize(
    ("how", "steps", "value"),
    [
        ("last", [0.9, 0.2, 0.5], 0.5),
        ("min", [0.9, 0.2, 0.5], 0.2),
        ("max", [0.9, 0.2, 0.5], 0.9),
        ("mean", [0.5, 0.25, 0.75], 0.5),
        ("product", [0.5, 0.25, 0.5], 0.0625),
        ("mean", [-1.0, 3.0], 1.0),
        ("product", [0.5], 0.5),
        ("mean", [0.1, 0.1, 0.1], 0.1),
        ("mean", [1e308, 1e308], 1e308),
        ("min", [-INF, 1.0], -INF),
        ("mean", [INF, 1.0], INF),
        ("mean", [INF, -INF], None),
        ("product", [INF, 0.0], None),
        ("weighted", [0.5], 0.5),
        ("weighted", [0.25, 0.25, 0.25], 0.25),
        ("weighted", [0.0, -INF], -INF),
        ("weighted", [0.5, INF], 0.5),
        ("weighted", [INF, INF], INF),
        ("weighted", [-1e308, 1e308], -1e308),
        ("last", [NAN, 0.5], None),
        ("last", [0.5, NAN], None),
    ],
)
def test_worked_examples(how: Aggregation, steps: list[float], value: float | None) -> None:
    assert aggregate(steps, how) == value


@pytest.mark.parametrize("how", WAYS)
def test_no_steps_give_no_score(how: Aggregation) -> None:
    assert aggregate([], how) is None


def _probability(rng: Random) -> float:
    return rng.choice(
        [0.0, 1.0, 0.5, 5e-324, 1 - 2**-53, 10 ** -rng.uniform(0, 320), rng.random(), rng.random()]
    )


def _logit(rng: Random) -> float:
    return rng.choice(
        [-50.0, 50.0, -0.0, rng.uniform(-50, 50), rng.uniform(-50, 50), float(rng.randint(-50, 50))]
    )


def _steps(rng: Random) -> tuple[list[float], Aggregation]:
    return several(rng, rng.choice([_probability, _logit]), 1, 20), rng.choice(WAYS)


@random_cases(_steps)
def test_agrees_with_the_reference(steps: list[float], how: Aggregation) -> None:
    value = aggregate(steps, how)
    assert value is not None
    assert math.isclose(value, float(reference(steps, how)), rel_tol=1e-12, abs_tol=1e-300)


@random_cases(lambda rng: (*_steps(rng), rng.random()))
def test_one_nan_anywhere_leaves_no_score(steps: list[float], how: Aggregation, share: float) -> None:
    place = round(share * len(steps))
    assert aggregate([*steps[:place], NAN, *steps[place:]], how) is None


@random_cases(lambda rng: (several(rng, _logit, 1, 20),))
def test_mean_ignores_the_order_and_lies_between_min_and_max(steps: list[float]) -> None:
    shuffled = sorted(steps)
    low, mean, high = (aggregate(steps, how) for how in ("min", "mean", "max"))
    assert mean == aggregate(shuffled, "mean")
    assert low is not None
    assert mean is not None
    assert high is not None
    assert low <= mean <= high


def test_weighted_by_hand() -> None:
    # One share is e, the other 1: (1 * 0.1 + e * 0) / (1 + e).
    assert aggregate([0.1, 0.0], "weighted") == pytest.approx(0.1 / (1 + math.e))


@random_cases(lambda rng: (several(rng, _probability, 1, 20),))
def test_weighted_lies_between_min_and_mean_and_ignores_the_order(steps: list[float]) -> None:
    low, value, mean = (aggregate(steps, how) for how in ("min", "weighted", "mean"))
    assert low is not None
    assert value is not None
    assert mean is not None
    assert low <= value <= mean + 1e-12
    assert aggregate(sorted(steps), "weighted") == pytest.approx(value, abs=1e-12)


@random_cases(lambda rng: (several(rng, any_float, 0, 8), rng.choice(WAYS)))
def test_the_result_is_never_nan(steps: list[float], how: Aggregation) -> None:
    value = aggregate(steps, how)
    assert value is None or not math.isnan(value)
    assert value is None or type(value) is float


def test_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(KeyError):
        aggregate([0.5], "median")  # type: ignore[arg-type]  # what an unchecked caller could send
