"""Merging groups that are equal as mathematics: what is asked, how often, and what comes of the answers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from strategies.answers.equivalence import MAX_GROUPS, Undecided, is_mathematics, merge
from strategies.answers.extract import Answer, as_answer
from strategies.answers.voting_strategy import exact_ballot
from strategies.base.types import Candidate
from strategies.mathematics.reading import read


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


async def test_equal_rational_numbers_need_nobody_to_ask() -> None:
    told = Told()
    assert (await merge(answers_of("1/4", "25%", "0.25"), told)).groups == (0, 0, 0)
    assert told.asked == []


async def test_a_group_is_held_to_its_representative_and_does_not_chain() -> None:
    a, b, c = (rf"\log_{base} 7" for base in (2, 3, 4))
    told = Told({frozenset((a, b)), frozenset((b, c))})
    assert (await merge(answers_of(a, b, c), told)).groups == (0, 0, 1)


async def test_what_is_undecided_stays_apart_and_is_reported() -> None:
    merged = await merge(answers_of("1/2", "x?1", "0.5"), Told({frozenset(("1/2", "0.5"))}))
    assert merged.groups == (0, 1, 0)
    assert merged.undecided


async def test_nobody_to_ask_is_undecided() -> None:
    assert (await merge(answers_of(r"\sqrt{8}", r"2\sqrt{2}"), Undecided())).undecided


async def test_an_irrational_answer_beyond_floats_is_asked_about() -> None:
    told = Told({frozenset((r"10^{400}-10^{400}+\sqrt{2}", r"\sqrt{2}"))})
    merged = await merge(answers_of(r"10^{400}-10^{400}+\sqrt{2}", r"\sqrt{2}", "3"), told)
    assert merged.groups == (0, 0, 1)


async def test_nothing_is_asked_about_words_or_two_integers() -> None:
    told = Told()
    merged = await merge(answers_of("blue", "lube", "5", "6", "7", None), told)
    assert told.asked == []
    assert merged.groups == (0, 1, 2, 3, 4, None)


async def test_checks_grow_with_groups_and_not_with_candidates() -> None:
    few, many = Told(), Told()
    logs = [rf"\log_{base} 7" for base in (2, 3, 4)]
    await merge(answers_of(*logs), few)
    await merge(answers_of(*logs * 500), many)
    assert few.asked == many.asked
    assert len(few.asked) == 3


async def test_more_groups_than_can_be_compared_are_reported() -> None:
    told = Told()
    merged = await merge(answers_of(*[rf"\log_2 {i}" for i in range(MAX_GROUPS + 1)]), told)
    assert len(told.asked) == MAX_GROUPS * (MAX_GROUPS - 1) // 2
    assert merged.undecided
    assert not (await merge(answers_of(*[rf"\log_2 {i}" for i in range(MAX_GROUPS)]), told)).undecided


async def test_a_thousand_numbers_or_formulas_of_different_value_are_never_asked_about() -> None:
    told = Told()
    for form in ("{}.5", r"\frac{{{}}}{{7}}", r"x+{}\sqrt{{y}}", r"\sqrt{{{}}}+\pi"):
        merged = await merge(answers_of(*[form.format(7 * i + 2) for i in range(1024)]), told)
        assert len(set(merged.groups)) == 1024
        assert not merged.undecided
    assert told.asked == []


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
        ("ab", True),
        ("abc", False),
        ("-xy", True),
        ("1" * 4096, True),
        ("1" * 4097, False),
        ("12_{2}", False),
    ],
)
def test_what_counts_as_mathematics(text: str, is_one: bool) -> None:
    assert is_mathematics(text) is is_one


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


@pytest.mark.parametrize("hostile", ["3000!," * 600 + "1", "+".join(["2^{60000}"] * 300), "!" * 4000])
async def test_an_answer_that_is_too_much_work_is_not_read_here(hostile: str) -> None:
    assert read(hostile) is None


async def test_all_answers_together_may_cost_no_more_than_a_bound() -> None:
    answers = [Answer(f"{i}+" + "+".join(["2999!"] * 16), str(i)) for i in range(200)]
    started = time.process_time()
    merged = await merge(answers, Undecided())
    assert merged.undecided
    assert time.process_time() - started < 20
