"""Merging groups that are equal as mathematics: what is asked, how often, and what comes of the answers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from strategies.answers.equivalence import MAX_GROUPS, Undecided, is_mathematics, merge
from strategies.answers.extract import Answer, as_answer
from strategies.answers.voting_strategy import exact_ballot
from strategies.base.types import Candidate
from tests.random_cases import random_cases, several


@dataclass
class Told:
    """An equivalence that was told which answers are equal; anything with a `?` it cannot decide."""

    equal: set[frozenset[str]] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def same(self, pairs: Sequence[tuple[str, str]]) -> Sequence[bool | None]:
        self.asked.extend(pairs)
        return [None if "?" in a + b else frozenset((a, b)) in self.equal for a, b in pairs]


def answers_of(*stated: str | None) -> list[Answer | None]:
    return [as_answer(text) for text in stated]


async def test_equal_groups_become_one() -> None:
    told = Told({frozenset(("1/2", "0.5"))})
    merged = await merge(answers_of("3", "1/2", None, "0.5", "1/2", "7"), told)
    assert merged.groups == (0, 1, None, 1, 1, 2)
    assert not merged.undecided


async def test_equality_goes_on_in_chains() -> None:
    told = Told({frozenset(("1/4", "0.25")), frozenset(("0.25", "25%"))})
    assert (await merge(answers_of("1/4", "25%", "0.25"), told)).groups == (0, 0, 0)


async def test_what_is_undecided_stays_apart_and_is_reported() -> None:
    merged = await merge(answers_of("1/2", "x?1", "0.5"), Told({frozenset(("1/2", "0.5"))}))
    assert merged.groups == (0, 1, 0)
    assert merged.undecided


async def test_nobody_to_ask_is_undecided() -> None:
    assert (await merge(answers_of("1/2", "0.5"), Undecided())).undecided


async def test_nothing_is_asked_about_words_or_two_integers() -> None:
    told = Told()
    merged = await merge(answers_of("blue", "lube", "5", "6", "7", None), told)
    assert told.asked == []
    assert merged.groups == (0, 1, 2, 3, 4, None)


async def test_checks_grow_with_groups_and_not_with_candidates() -> None:
    few, many = Told(), Told()
    await merge(answers_of("1/2", "1/3", "1/4"), few)
    await merge(answers_of(*["1/2", "1/3", "1/4"] * 500), many)
    assert few.asked == many.asked
    assert len(few.asked) == 3


async def test_more_groups_than_can_be_compared_are_reported() -> None:
    told = Told()
    merged = await merge(answers_of(*[f"{i}/7" for i in range(MAX_GROUPS + 1)]), told)
    assert len(told.asked) == MAX_GROUPS * (MAX_GROUPS - 1) // 2
    assert merged.undecided


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("1/2", True),
        ("x", True),
        ("xy", True),
        (r"\frac{1}{2}", True),
        (r"\sin(x)", True),
        ("sin(x)", True),
        ("$x+1$", True),
        ("blue", False),
        ("12 apples", False),
        ('{"a":1}', False),
        ("", False),
        ("1" * 5000, False),
        ("é" * 2100 + "1", False),
    ],
)
def test_what_counts_as_mathematics(text: str, is_one: bool) -> None:
    assert is_mathematics(text) is is_one


_TEXTS = ["1/2", "0.5", "x+1", "1+x", "7", "y?", "word"]


def _stated(rng: Random) -> tuple[list[str | None], set[frozenset[str]]]:
    stated = several(rng, lambda r: r.choice([None, *_TEXTS]), 0, 12)
    return stated, {frozenset(rng.sample(_TEXTS, 2)) for _ in range(rng.randint(0, 5))}


@random_cases(_stated)
async def test_agrees_with_merging_until_nothing_changes(
    stated: list[str | None], equal: set[frozenset[str]]
) -> None:
    told = Told(equal)
    merged = await merge(answers_of(*stated), told)
    label = {text: text for text in _TEXTS}
    asked = {text for text in stated if text is not None and "?" not in text and text != "word"}
    pairs = [pair for pair in equal if pair <= asked]
    for _ in _TEXTS:
        for pair in pairs:
            lowest = min(label[text] for text in pair)
            label.update(dict.fromkeys(pair, lowest))
    for a, g in zip(stated, merged.groups, strict=True):
        for b, h in zip(stated, merged.groups, strict=True):
            together = a is not None and b is not None and label[a] == label[b]
            assert together == (g is not None and g == h)
    firsts = list(dict.fromkeys(group for group in merged.groups if group is not None))
    assert firsts == list(range(len(firsts)))


def test_two_thousand_candidates_are_grouped_in_a_tenth_of_a_second() -> None:
    reasoning = "Let us think step by step about what was asked of us here. " * 40
    drawn = [Candidate(i, f"{reasoning}\nThe answer is {i % 50}/7.", 9, "stop") for i in range(2000)]
    times = []
    for _ in range(5):
        started = time.process_time()
        ballot = exact_ballot(drawn)
        times.append(time.process_time() - started)
    assert len(set(ballot.groups)) == 50
    assert min(times) < 0.1
