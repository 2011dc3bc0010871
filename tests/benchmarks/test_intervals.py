"""Figures over problems by hand, and what their intervals must be."""

import pytest

from benchmarks.intervals import difference, markdown, ratio, spread, told
from benchmarks.measure import Measured, mean


def of(right: float = 0, flops: float = 1) -> Measured:
    return Measured(right, 1, 1, 1, flops, 1)


def test_spread_of_equals_is_a_point_and_of_others_holds_the_mean() -> None:
    assert spread([of(flops=3)] * 5, lambda m: m.flops) == (3, 3, 3)
    middle, low, high = spread([of(float(i % 2)) for i in range(40)], lambda m: m.right)
    assert low < middle == 0.5 < high
    # A binomial's 95 % interval: 1.96 standard errors of 0.079.
    assert low == pytest.approx(0.345, abs=0.03)
    assert high == pytest.approx(0.655, abs=0.03)


def test_a_ratio_is_of_sums_and_resamples_pairs() -> None:
    pairs = [(of(flops=10), of(flops=5)), (of(flops=2), of(flops=1))]
    assert ratio(pairs, lambda m: m.flops) == (2, 2, 2)
    assert ratio([(of(flops=9), of(flops=1)), (of(flops=1), of(flops=4))], lambda m: m.flops)[0] == 2


def test_a_difference_is_what_the_second_gains() -> None:
    pairs = [(of(0), of(1)), (of(1), of(1)), (of(1), of(0)), (of(0), of(1))]
    assert difference(pairs, lambda m: m.right)[0] == 0.25


def test_figures_are_spelled_so_that_a_minus_is_no_dash() -> None:
    assert told((0.5, 0.25, 0.75)) == "0.50 (0.25-0.75)"
    assert told((0.5, -0.25, 0.75), "+.1f") == "+0.5 (-0.2 to +0.8)"
    assert told((0.0, 0.0, 0.0), "+.2f") == "+0.00 (+0.00 to +0.00)"


def test_a_mean_is_of_every_figure() -> None:
    assert mean([of(0, 2), of(1, 4)]) == of(0.5, 3)


def test_a_table_has_a_line_for_its_head_and_each_row() -> None:
    assert markdown(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"
