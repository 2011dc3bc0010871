"""Groups, votes and rewards, against counting by hand."""

import math
import sys
from collections import Counter
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.answers.groups import (
    Group,
    Reward,
    group_ids,
    group_reward,
    group_sizes,
    grouped,
    rank_groups,
    representative,
    votes,
)
from tests.random_cases import random_cases, several

_ANSWERS = st.lists(st.one_of(st.none(), st.sampled_from("abcd")), max_size=20)
LARGEST = sys.float_info.max
_WAYS: list[Reward] = ["mean", "sum", "max"]


def test_no_answer_is_no_vote() -> None:
    answers = ["a", None, "b", "a", None, None]
    groups = group_ids(answers)
    assert groups == [0, None, 1, 0, None, None]
    assert group_sizes(groups) == [2, 0, 1, 2, 0, 0]
    assert [(vote.answer, vote.count) for vote in votes(answers, groups)] == [("a", 2), ("b", 1)]


def test_of_equal_groups_the_first_seen_leads() -> None:
    answers = ["b", "a", "a", "b"]
    assert [vote.answer for vote in votes(answers, group_ids(answers))] == ["b", "a"]


def test_rewards_are_told_by_group() -> None:
    answers = ["a", "b", "b"]
    told = votes(answers, group_ids(answers), {0: 0.9, 1: None})
    assert [(vote.answer, vote.reward) for vote in told] == [("b", None), ("a", 0.9)]


@given(_ANSWERS)
def test_votes_count_every_answer_once(answers: list[str | None]) -> None:
    tally = votes(answers, group_ids(answers))
    assert {vote.answer: vote.count for vote in tally} == Counter(a for a in answers if a is not None)
    assert [vote.count for vote in tally] == sorted((vote.count for vote in tally), reverse=True)


@given(_ANSWERS)
def test_two_share_a_group_exactly_when_they_share_an_answer(answers: list[str | None]) -> None:
    groups = group_ids(answers)
    for a, g in zip(answers, groups, strict=True):
        for b, h in zip(answers, groups, strict=True):
            assert (a is not None and a == b) == (g is not None and g == h)


@pytest.mark.parametrize(
    ("scores", "mean", "total", "most"),
    [
        ([1.0, 2.0, 6.0], 3.0, 9.0, 6.0),
        ([None, 2.0, math.nan, 4.0], 3.0, 6.0, 4.0),
        ([None, math.nan], None, None, None),
        ([-1.0, -3.0], -2.0, -4.0, -1.0),
        ([1e308, 1e308], LARGEST, LARGEST, 1e308),
        ([math.inf, -math.inf], None, None, LARGEST),
        ([0.1] * 10, 0.1, 1.0, 0.1),
    ],
)
def test_rewards(
    scores: list[float | None], mean: float | None, total: float | None, most: float | None
) -> None:
    assert [group_reward(scores, how) for how in ("mean", "sum", "max")] == [mean, total, most]


def _rewards(rng: Random) -> tuple[list[float | None], Reward, list[float | None]]:
    scores = several(rng, lambda r: r.choice([None, math.nan, -1.0, 0.0, 0.1, 0.2, 0.5, 1.0]), 0, 8)
    return scores, rng.choice(_WAYS), rng.sample(scores, len(scores))


@random_cases(_rewards)
def test_rewards_agree_with_exact_arithmetic(
    scores: list[float | None], how: Reward, shuffled: list[float | None]
) -> None:
    numbers = [Fraction(s) for s in scores if s is not None and s == s]
    expected: Fraction | None = None
    if numbers:
        total = sum(numbers, Fraction(0))
        expected = {"mean": total / len(numbers), "sum": total, "max": max(numbers)}[how]
    got = group_reward(scores, how)
    assert (got is None) == (expected is None)
    assert got is None or expected is None or math.isclose(got, float(expected), abs_tol=1e-15)
    assert group_reward(shuffled, how) == got


def _group(number: int, members: tuple[int, ...], reward: float | None = None) -> Group:
    return Group(number, members, reward)


def test_groups_are_ranked_by_reward_then_size_then_first_member() -> None:
    a, b, c = _group(0, (0,), 0.5), _group(1, (1, 2), 0.5), _group(2, (3,), 0.9)
    assert rank_groups([a, b, c]).order == (c, b, a)
    assert rank_groups([a, b]).tie == "group_size"
    assert rank_groups([a, _group(1, (1,), 0.5)]).tie == "index"
    assert rank_groups([a, c]).tie is None


def test_a_group_without_a_reward_comes_last() -> None:
    scored, bare = _group(1, (1,), -9.0), _group(0, (0, 2, 3))
    assert rank_groups([bare, scored]).order == (scored, bare)


def test_a_vote_without_scores_is_tied_only_at_equal_sizes() -> None:
    assert rank_groups([_group(0, (0,)), _group(1, (1, 2))]).tie is None
    assert rank_groups([_group(0, (0,)), _group(1, (1,))]).tie == "index"


def test_the_representative_is_the_highest_scoring_member_else_the_first() -> None:
    assert representative(_group(0, (0, 1, 2)), [0.1, 0.7, 0.7]) == 1
    assert representative(_group(0, (0, 1, 2)), [math.nan, None, -5.0]) == 2
    assert representative(_group(0, (1, 2)), [9.0, None, math.nan]) == 1


def test_groups_come_in_order_of_appearance() -> None:
    groups = grouped([1, None, 0, 1], [0.1, 0.2, 0.3, 0.5], "sum")
    assert [(g.number, g.members, g.reward) for g in groups] == [(1, (0, 3), 0.6), (0, (2,), 0.3)]
