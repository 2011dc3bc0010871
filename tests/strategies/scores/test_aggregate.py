"""Aggregates agree with sums and products written out in exact fractions, and a NaN is never lost."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.scores.aggregate import Aggregation, aggregate

NAN, INF = math.nan, math.inf
WAYS: tuple[Aggregation, ...] = ("last", "min", "mean", "product", "max")
PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=20)
LOGITS = st.lists(st.floats(-50, 50), min_size=1, max_size=20)


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
    }  # fmt: skip
    return table[how]


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
        ("last", [NAN, 0.5], None),
        ("last", [0.5, NAN], None),
    ],
)
def test_worked_examples(how: Aggregation, steps: list[float], value: float | None) -> None:
    assert aggregate(steps, how) == value


@pytest.mark.parametrize("how", WAYS)
def test_no_steps_give_no_score(how: Aggregation) -> None:
    assert aggregate([], how) is None


@settings(max_examples=2000, deadline=None)
@given(PROBABILITIES | LOGITS, st.sampled_from(WAYS))
def test_agrees_with_the_reference(steps: list[float], how: Aggregation) -> None:
    value = aggregate(steps, how)
    assert value is not None
    assert math.isclose(value, float(reference(steps, how)), rel_tol=1e-12, abs_tol=1e-300)


@settings(max_examples=500, deadline=None)
@given(LOGITS, st.sampled_from(WAYS), st.data())
def test_one_nan_anywhere_leaves_no_score(steps: list[float], how: Aggregation, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(steps)))
    assert aggregate([*steps[:place], NAN, *steps[place:]], how) is None


@settings(max_examples=500, deadline=None)
@given(LOGITS)
def test_mean_ignores_the_order_and_lies_between_min_and_max(steps: list[float]) -> None:
    shuffled = sorted(steps)
    low, mean, high = (aggregate(steps, how) for how in ("min", "mean", "max"))
    assert mean == aggregate(shuffled, "mean")
    assert low is not None
    assert mean is not None
    assert high is not None
    assert low <= mean <= high


@settings(max_examples=500, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=8), st.sampled_from(WAYS))
def test_the_result_is_never_nan(steps: list[float], how: Aggregation) -> None:
    value = aggregate(steps, how)
    assert value is None or not math.isnan(value)
    assert value is None or type(value) is float


def test_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(KeyError):
        aggregate([0.5], "median")  # type: ignore[arg-type]  # what an unchecked caller could send
