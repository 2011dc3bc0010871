"""When a vote is decided: exactly when every way in which the rest could vote gives the same result."""

from itertools import product
from random import Random

import pytest

from strategies.answers.early_stopping import is_settled
from tests.random_cases import random_cases, several

Ballots = dict[int, str | None]


@pytest.mark.parametrize(
    ("ballots", "n", "decided"),
    [
        ({}, 1, False),
        ({0: "a"}, 1, True),
        ({0: "a", 1: "a"}, 3, True),
        ({0: "a"}, 2, True),
        ({1: "a", 2: "a"}, 3, False),
        ({0: None, 1: "a", 2: "a"}, 4, True),
        ({0: "a", 1: "b"}, 3, False),
        ({0: "a", 1: "a", 2: "b"}, 4, True),
        ({0: "b", 1: "a", 2: "a"}, 4, False),
        ({0: "a", 1: "a", 2: "b", 3: "b"}, 5, False),
        ({0: None, 1: None}, 2, True),
        ({0: None}, 2, False),
    ],
)
def test_worked_examples(ballots: Ballots, n: int, decided: bool) -> None:
    assert is_settled(ballots, n) is decided


def winners(ballots: Ballots, k: int) -> list[int]:
    """The rule in prose: the largest group left, of equal ones the one that appears first; its first member."""
    left = {index: group for index, group in ballots.items() if group is not None}
    chosen: list[int] = []
    while left and len(chosen) < k:
        best = None
        for index in sorted(left):
            size = sum(group == left[index] for group in left.values())
            if best is None or size > best[0]:
                best = (size, index)
        assert best is not None
        chosen.append(best[1])
        left = {index: group for index, group in left.items() if group != left[best[1]]}
    return chosen


def every_way_on(ballots: Ballots, n: int) -> list[Ballots]:
    """All ways in which those who are missing could vote: for a group that is there, a new one, or none."""
    waiting = [index for index in range(n) if index not in ballots]
    there = sorted({group for group in ballots.values() if group is not None})
    new = [f"new {index}" for index in waiting]
    return [
        ballots | dict(zip(waiting, rest, strict=True))
        for rest in product([None, *there, *new], repeat=len(waiting))
    ]


def _group(rng: Random) -> str | None:
    return rng.choice([None, "a", "a", "a", "b", "c"])


def _unfinished(rng: Random) -> tuple[Ballots, int, int]:
    """Who has voted of one to seven, up to three still missing; how many there are; how many answers are asked for."""
    n = rng.randint(1, 7)
    missing = rng.sample(range(n), min(n, rng.randint(0, 3)))
    return {index: _group(rng) for index in range(n) if index not in missing}, n, rng.randint(1, 3)


@random_cases(_unfinished)
def test_a_vote_is_decided_exactly_when_no_way_on_changes_the_result(
    ballots: Ballots, n: int, k: int
) -> None:
    results = {tuple(winners(way, k)) for way in every_way_on(ballots, n)}
    full = any(len(winners(ballots, k)) == len(result) for result in results)
    assert is_settled(ballots, n, k) == (len(results) == 1 and full)


def _arriving(rng: Random) -> tuple[list[str | None], list[int], int]:
    answers = several(rng, _group, 1, 9)
    return answers, rng.sample(range(len(answers)), len(answers)), rng.randint(1, 3)


@random_cases(_arriving)
def test_in_every_order_of_arrival_the_early_result_is_the_full_one(
    answers: list[str | None], arrival: list[int], k: int
) -> None:
    full = winners(dict(enumerate(answers)), k)
    ballots: Ballots = {}
    for index in arrival:
        ballots[index] = answers[index]
        if is_settled(ballots, len(answers), k):
            break
    assert winners(ballots, k) == full


def _merging(rng: Random) -> tuple[list[str | None], list[int], list[str]]:
    answers, arrival, _ = _arriving(rng)
    return answers, arrival, rng.sample("abc", 2)


@random_cases(_merging)
def test_where_groups_may_still_merge_the_early_result_is_the_full_one(
    answers: list[str | None], arrival: list[int], merged: list[str]
) -> None:
    """Any two groups may turn out to be one, known only once the draw is over."""
    ballots: Ballots = {}
    for index in arrival:
        ballots[index] = answers[index]
        if is_settled(ballots, len(answers), may_merge=True):
            break

    def after_merging(votes: Ballots) -> list[int]:
        return winners({i: merged[0] if group in merged else group for i, group in votes.items()}, 1)

    assert after_merging(ballots) == after_merging(dict(enumerate(answers)))
