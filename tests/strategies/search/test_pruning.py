"""The rules of rejection: cases by hand, and agreement with a slow reading that takes the best one at a time."""

import math
from fractions import Fraction
from random import Random

import pytest

from strategies.search.pruning import (
    Decision,
    copies,
    decide,
    is_over,
    survivors_of_share,
    survivors_of_step,
)
from tests.random_cases import random_cases, several


def test_the_best_go_on_and_the_threshold_is_the_lowest_of_them() -> None:
    assert decide([0.1, 0.9, 0.5, 0.7], 2) == Decision((1, 3), (0, 2), 0.7)


def test_of_equal_scores_the_larger_group_goes_on_and_then_the_lower_position() -> None:
    assert decide([0.5, 0.5, 0.5], 2).kept == (0, 1)
    assert decide([0.5, 0.5, 0.5], 2, [1, 2, 2]).kept == (1, 2)
    assert decide([0.6, 0.5, 0.5], 1, [1, 2, 2]).kept == (0,)


def test_nan_and_none_never_beat_a_number() -> None:
    assert decide([math.nan, None, -math.inf], 1) == Decision((2,), (0, 1), -math.inf)
    assert decide([math.nan, 0.2, None], 2) == Decision((1, 0), (2,), 0.2)


@pytest.mark.parametrize("scores", [[], [None], [math.nan, None, math.nan]])
def test_without_any_score_nobody_is_rejected(scores: list[float | None]) -> None:
    assert decide(scores, 1) == Decision(tuple(range(len(scores))), (), None)


def _row(rng: Random) -> tuple[float | None, int]:
    score = rng.choice([None, math.nan, -math.inf, -1.0, 0.0, 0.5, 0.5, 1.0, math.inf])
    return score, rng.randint(1, 3)


@random_cases(lambda rng: (several(rng, _row, 0, 12), rng.randint(1, 14)), count=3000)
def test_agrees_with_taking_the_best_one_at_a_time(rows: list[tuple[float | None, int]], keep: int) -> None:
    scores, sizes = [row[0] for row in rows], [row[1] for row in rows]
    decision = decide(scores, keep, sizes)
    assert list(decision.kept) == _slow_kept(scores, sizes, keep)
    assert sorted(decision.kept + decision.rejected) == list(range(len(rows)))
    kept = [score for i in decision.kept if (score := scores[i]) is not None and score == score]
    assert decision.threshold == (min(kept) if kept else None)


def _slow_kept(scores: list[float | None], sizes: list[int], keep: int) -> list[int]:
    """Look through everyone who is left for somebody better, again and again."""
    left, kept = list(range(len(scores))), list[int]()
    if not [score for score in scores if _is_a_number(score)]:
        return left
    while left and len(kept) < keep:
        best = left[0]
        for rival in left:
            if _beats(rival, best, scores, sizes):
                best = rival
        left.remove(best)
        kept.append(best)
    return kept


def _beats(a: int, b: int, scores: list[float | None], sizes: list[int]) -> bool:
    one, other = scores[a], scores[b]
    if _is_a_number(one) != _is_a_number(other):
        return _is_a_number(one)
    if _is_a_number(one) and one != other:
        return one > other  # type: ignore[operator]
    if sizes[a] != sizes[b]:
        return sizes[a] > sizes[b]
    return a < b


def _is_a_number(score: float | None) -> bool:
    return score is not None and score == score


@pytest.mark.parametrize(
    ("beams", "beam_width", "missing", "expected"),
    [(16, 4, 1, 4), (1, 4, 1, 1), (3, 4, 1, 1), (7, 2, 0, 3), (16, 4, 9, 9), (4, 1, 1, 4)],
)
def test_n_over_m_go_on_but_never_fewer_than_are_missing(
    beams: int, beam_width: int, missing: int, expected: int
) -> None:
    assert survivors_of_step(beams, beam_width, missing) == expected


@random_cases(lambda rng: (rng.randint(1, 200), rng.randint(1, 64), rng.randint(0, 5)))
def test_a_share_of_one_over_an_integer_means_exactly_that(
    active: int, beam_width: int, missing: int
) -> None:
    exact = max(1, missing, int(Fraction(active, beam_width)))
    assert survivors_of_share(active, 1 / beam_width, missing) == exact


@random_cases(lambda rng: (rng.randint(1, 64), rng.randint(1, 80), rng.randint(0, 64)))
def test_forking_never_exceeds_n_and_never_loses_a_survivor(
    beams: int, beam_width: int, survivors: int
) -> None:
    each = copies(survivors, beams, beam_width)
    assert 1 <= each <= beam_width
    assert survivors * each <= max(beams, survivors)
    # One more would be too many, in width or in all.
    assert each == beam_width or (each + 1) * max(survivors, 1) > beams


def test_forks_by_hand() -> None:
    assert [copies(4, 16, 4), copies(1, 3, 4), copies(3, 16, 4), copies(1, 1, 4), copies(0, 16, 4)] == [
        4,
        3,
        4,
        1,
        4,
    ]


@pytest.mark.parametrize(
    ("answers", "max_completed", "active", "expected"),
    [(0, 1, 4, False), (1, 1, 4, True), (2, 4, 3, False), (0, 1, 0, True), (3, 4, 0, True)],
)
def test_a_search_ends_with_enough_answers_or_with_nobody_left(
    answers: int, max_completed: int, active: int, expected: bool
) -> None:
    assert is_over(answers, max_completed, active) is expected
