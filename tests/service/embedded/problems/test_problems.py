"""The word problems: right answers, numbers in the question, and splits that share no question."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.embedded.problems.problems import (
    FACTORS,
    MAX_SUM,
    Problem,
    Split,
    chat,
    facts,
    problems,
    split_of,
)
from service.embedded.problems.stories import FAMILIES, HELD_OUT_STORIES

SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def computed(problem: Problem) -> float:
    left, right = problem.left, problem.right
    return {"+": left + right, "*": left * right, "/": left / right}[problem.operator]


@given(split=st.sampled_from(SPLITS), seed=st.integers(0, 10_000))
def test_every_answer_is_the_result_of_its_equation(split: Split, seed: int) -> None:
    for problem in problems(split, 6, seed=seed):
        assert computed(problem) == problem.answer
        assert sorted(map(int, re.findall(r"\d+", problem.question))) == sorted((problem.left, problem.right))


@given(split=st.sampled_from(SPLITS), seed=st.integers(0, 10_000))
def test_a_question_stands_in_the_split_that_owns_it_whatever_the_seed(split: Split, seed: int) -> None:
    assert {split_of(problem.question) for problem in problems(split, 6, seed=seed)} == {split}


def test_the_same_seed_tells_the_same_problems() -> None:
    assert problems("test", 30) == problems("test", 30)
    assert problems("test", 30) != problems("test", 30, seed=99)


def test_families_take_turns_and_run_through_all_their_facts() -> None:
    count = 3 * len(facts("division"))
    told = problems("train", count)
    assert [problem.family for problem in told[:3]] == list(FAMILIES)
    divisions = {(p.left, p.right, p.answer) for p in told if p.family == "division"}
    assert divisions == set(facts("division"))


def test_facts_keep_their_bounds() -> None:
    assert max(total for _, _, total in facts("addition")) == MAX_SUM
    assert {right for _, right, _ in facts("division")} == set(FACTORS)


def test_held_out_stories_are_told_in_the_test_split_alone() -> None:
    held_out = {story for stories in HELD_OUT_STORIES.values() for story in stories}
    assert not held_out & {p.story for split in SPLITS[:2] for p in problems(split, 300)}
    told = problems("test", 300)
    assert {p.story for p in told if p.held_out} == held_out
    assert all(p.held_out == (p.story in held_out) for p in told)


@pytest.mark.parametrize("problem", problems("validation", 3), ids=lambda problem: problem.family)
def test_the_chat_is_three_worked_examples_and_the_question(problem: Problem) -> None:
    turns = chat(problem)
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 3 + ["user"]
    assert turns[-1]["content"] == problem.question
    for turn in turns[1::2]:
        equation, statement = turn["content"].split("\n")
        left, operator, right, _, answer = equation.split()
        assert statement == f"The answer is {answer}."
        assert {"+": int(left) + int(right), "*": int(left) * int(right), "/": int(left) // int(right)}[
            operator
        ] == int(answer)
