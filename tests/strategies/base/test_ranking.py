"""The order of candidates: hand-worked cases, and agreement with a slow reference that compares two at a time."""

import math
from functools import cmp_to_key
from random import Random

from strategies.base.ranking import rank
from strategies.base.types import Candidate
from tests.random_cases import random_cases, several
from tests.strategies.conftest import candidate


def test_higher_score_wins() -> None:
    ranking = rank([candidate(0), candidate(1), candidate(2)], [0.1, 0.9, 0.5])
    assert ranking.order == (1, 2, 0)
    assert ranking.tie is None


def test_of_equal_scores_the_larger_group_wins() -> None:
    ranking = rank([candidate(0), candidate(1)], [0.5, 0.5], [1, 3])
    assert ranking.order == (1, 0)
    assert ranking.tie == "group_size"


def test_of_equal_scores_and_groups_the_lower_index_wins() -> None:
    ranking = rank([candidate(4), candidate(2)], [0.5, 0.5], [2, 2])
    assert ranking.order == (1, 0)
    assert ranking.tie == "index"


def test_nan_and_missing_scores_never_beat_a_number() -> None:
    assert rank([candidate(0), candidate(1), candidate(2)], [math.nan, None, -1e9]).order == (2, 0, 1)


def test_infinities_are_numbers() -> None:
    assert rank([candidate(0), candidate(1), candidate(2)], [-math.inf, 0.0, math.inf]).order == (2, 1, 0)


def test_an_invalid_candidate_never_beats_a_valid_one() -> None:
    cut_off, empty, failed = (
        candidate(0, finish_reason="length"),
        candidate(1, "  "),
        candidate(2, "", "error"),
    )
    assert rank([failed, empty, cut_off, candidate(3)], [9.0, 9.0, 9.0, -9.0]).order == (3, 2, 1, 0)


def test_one_candidate_is_no_tie() -> None:
    assert rank([candidate(0)], [None]).tie is None


def _row(rng: Random) -> tuple[Candidate, float | None, int]:
    text, reason = rng.choice(["", "a", "b"]), rng.choice(["stop", "length", "abort", "error"])
    score = rng.choice([None, math.nan, -math.inf, -1.0, 0.0, 0.5, 0.5, 1.0, math.inf])
    return candidate(rng.randint(0, 3), text, reason), score, rng.randint(0, 2)


@random_cases(lambda rng: (several(rng, _row, 0, 8),))
def test_agrees_with_comparing_two_at_a_time(rows: list[tuple[Candidate, float | None, int]]) -> None:
    candidates, scores, sizes = ([row[i] for row in rows] for i in range(3))
    order = rank(candidates, scores, sizes).order  # type: ignore[arg-type]
    assert [rows[i] for i in order] == sorted(rows, key=cmp_to_key(_slow_comparison))


def _slow_comparison(a: tuple[Candidate, float | None, int], b: tuple[Candidate, float | None, int]) -> int:
    """Negative if `a` goes first: the rule in prose, one sentence after the other."""
    for state in (_is_fine, _says_something):
        if state(a[0]) != state(b[0]):
            return -1 if state(a[0]) else 1
    a_counts, b_counts = (row[1] is not None and row[1] == row[1] for row in (a, b))
    if a_counts != b_counts:
        return -1 if a_counts else 1
    if a_counts and a[1] != b[1]:
        return -1 if a[1] > b[1] else 1  # type: ignore[operator]
    if a[2] != b[2]:
        return -1 if a[2] > b[2] else 1
    return a[0].index - b[0].index


def _is_fine(c: Candidate) -> bool:
    return c.finish_reason == "stop" and c.text.strip() != ""


def _says_something(c: Candidate) -> bool:
    return c.text.strip() != "" and c.finish_reason != "error"
