"""From logits to a score, on vectors worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.reward_models.base.errors import PoolingFailed
from service.reward_models.pooling.head import Activation, Head

LOGITS = st.floats(-1000, 1000)


@pytest.mark.parametrize(
    ("label", "activation", "row", "value"),
    [
        (0, "none", (1.5, -2.0), 1.5),
        (1, "none", (1.5, -2.0), -2.0),
        (0, "sigmoid", (0.0,), 0.5),
        (1, "sigmoid", (9.0, math.log(3)), 0.75),
        (0, "sigmoid", (-1000.0,), 0.0),
        (0, "sigmoid", (1000.0,), 1.0),
        (1, "softmax", (0.0, math.log(3)), 0.75),
        (0, "softmax", (1000.0, 1000.0), 0.5),
        (2, "softmax", (0.0, 0.0, math.log(2)), 0.5),
    ],
)
def test_worked_examples(label: int, activation: Activation, row: tuple[float, ...], value: float) -> None:
    assert Head(label, activation).value(row) == pytest.approx(value, abs=1e-15)


@given(LOGITS, LOGITS)
def test_softmax_over_two_is_the_sigmoid_of_their_difference(a: float, b: float) -> None:
    assert Head(0, "softmax").value((a, b)) == pytest.approx(Head(0, "sigmoid").value((a - b,)), abs=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("activation", ["none", "sigmoid", "softmax"])
def test_a_logit_that_is_not_finite_is_a_failure_in_any_row(
    bad: float, place: int, activation: Activation
) -> None:
    row = (bad, 1.0) if place == 0 else (1.0, bad)
    with pytest.raises(PoolingFailed) as failure:
        Head(0, activation).value(row)
    assert failure.value.reason == "not_finite"
