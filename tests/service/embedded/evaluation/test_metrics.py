"""Figures of selection: hand-worked values, and agreement with counting every pair."""

import math
from itertools import product
from statistics import fmean

from hypothesis import given
from hypothesis import strategies as st

from service.embedded.evaluation.figures import (
    any_pass,
    best_by_outcome,
    best_by_steps,
    first_pass,
    judged,
    majority_accuracy,
    outcome_auc,
    step_auc,
)
from service.embedded.evaluation.metrics import auc, best, interval, majority
from service.embedded.problems.problems import Problem

PROBLEM = Problem("k", "addition", "q", 12, "+", 31, 43, "s", "apples")
RIGHT = "12 + 31 = 43\nThe answer is 43."
WRONG = "12 + 31 = 44\nThe answer is 44."


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=12))
def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(items: list[tuple[int, bool]]) -> None:
    scores, labels = zip(*items, strict=True)
    pairs = list(product([s for s, y in items if y], [s for s, y in items if not y]))
    area = auc(scores, labels)
    if pairs:
        assert math.isclose(area, fmean((right > wrong) + 0.5 * (right == wrong) for right, wrong in pairs))
    else:
        assert math.isnan(area)


def test_the_majority_ignores_answers_that_state_nothing() -> None:
    assert majority([None, None, None, "44", "43", "43"]) == "43"
    assert majority(["44", "43"]) == "44"
    assert majority([None]) is None


def test_an_answer_that_states_nothing_is_never_the_best() -> None:
    assert best([9.0, 1.0, 2.0, 2.0], [None, "1", "2", "3"]) == "2"
    assert best([9.0], [None]) is None


def test_the_figures_of_one_problem() -> None:
    items = [
        judged(PROBLEM, [WRONG, WRONG, RIGHT], [0.1, 0.3, 0.2], [(-1.0, -2.0), (-1.0, -3.0), (1.0, 2.0)])
    ]
    assert first_pass(items) == 1 / 3
    assert (majority_accuracy(items), any_pass(items)) == (0.0, 1.0)
    assert (best_by_outcome(items), best_by_steps(items)) == (0.0, 1.0)
    assert (outcome_auc(items), step_auc(items)) == (0.5, 1.0)


def test_an_interval_is_seeded_and_holds_the_figure() -> None:
    items = [0.0, 1.0] * 50
    low, high = interval(items, fmean)
    assert (low, high) == interval(items, fmean)
    assert 0.3 < low < 0.5 < high < 0.7
