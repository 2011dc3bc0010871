"""Labels: vectors worked out by hand, and agreement with a slow search over all right solutions."""

import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.embedded.problems.labels import line_is_right, lines, read, stated_answer
from service.embedded.problems.problems import Problem, problems
from service.embedded.problems.synthetic_answers import near_miss, synthetic_answers

SUM = Problem("k", "addition", "q", 12, "+", 31, 43, "s", "apples")
QUOTIENT = Problem("k", "division", "q", 84, "/", 7, 12, "s", "apples")


@pytest.mark.parametrize(
    ("problem", "text", "consistent"),
    [
        (SUM, "12 + 31 = 43\nThe answer is 43.", None),
        (SUM, "31 + 12 = 43 apples. The answer is 43.", None),
        (SUM, "He has 12 and gets 31, so 12 + 31 = 43\nThe answer is 43.", None),
        (SUM, "12 + 31 = 44\nThe answer is 44.", "12 + 31 = 4"),
        (SUM, "12 + 31 = 4\nThe answer is 4.", "12 + 31 = 4"),
        (SUM, "12 + 31 = 433\nThe answer is 433.", "12 + 31 = 43"),
        (SUM, "12 + 31 = 53\nThe answer is 43.", "12 + 31 = "),
        (SUM, "12 - 31 = 19\nThe answer is 19.", "12 "),
        (SUM, "12 + 13 = 25\nThe answer is 25.", "12 + "),
        (SUM, "12 + 12 = 24\nThe answer is 24.", "12 + "),
        (SUM, "The answer is 12.", "The answer is "),
        (SUM, "12 + 31 = 43\nThe answer is 4", "12 + 31 = 43\nThe answer is 4"),
        (SUM, "5 more. 12 + 31 = 43", ""),
        (QUOTIENT, "84 / 7 = 12\nThe answer is 12.", None),
        (QUOTIENT, "84 ÷ 7 = 12\nThe answer is 12.", None),
        (QUOTIENT, "7 / 84 = 12\nThe answer is 12.", ""),
        (QUOTIENT, "84 / 7 = 12.5\nThe answer is 12.5.", "84 / 7 = 12"),
        (QUOTIENT, "84 / 7\nThe answer is 12.", None),
        (QUOTIENT, "", None),
    ],
)
def test_the_first_error_is_where_no_right_solution_could_go_on(
    problem: Problem, text: str, consistent: str | None
) -> None:
    expected = None if consistent is None else len(consistent)
    assert read(problem, text).first_error == expected


def test_a_line_is_right_only_if_all_before_it_is() -> None:
    text = "12 + 31 = 53\nThe answer is 43."
    reading = read(SUM, text)
    assert reading.answer_is_right
    assert [line_is_right(reading, end) for _, end in lines(text)] == [False, False]


def test_a_number_cut_short_makes_its_line_wrong() -> None:
    text = "12 + 31 = 4\nThe answer is 43."
    assert [line_is_right(read(SUM, text), end) for _, end in lines(text)] == [False, False]


def test_digits_are_due_up_to_the_first_error() -> None:
    assert read(SUM, "12 + 31 = 43").due == ((10, "4"), (11, "3"))
    assert read(SUM, "12 + 31 = 53\nThe answer is 43.").due == ((10, "4"),)


@pytest.mark.parametrize(
    ("text", "answer"),
    [("The answer is 43.", "43"), ("the answer is: $1,043", "1043"), ("43", None), ("answer is 9.4.", "9.4")],
)
def test_an_answer_counts_only_where_it_is_stated(text: str, answer: str | None) -> None:
    assert stated_answer(text) == answer


def solutions(problem: Problem) -> set[str]:
    """Every right solution in the plain form, written out."""
    left, right, answer = problem.left, problem.right, problem.answer
    orders = [(left, right)] if problem.operator == "/" else [(left, right), (right, left)]
    return {f"{a} {problem.operator} {b} = {answer}\nThe answer is {answer}." for a, b in orders}


@given(seed=st.integers(0, 5000), numbers=st.tuples(*[st.booleans()] * 4))
def test_the_scan_agrees_with_a_search_over_all_solutions(seed: int, numbers: tuple[bool, ...]) -> None:
    rng = random.Random(seed)
    problem = problems("train", 3, seed=seed)[seed % 3]
    truth = (problem.left, problem.right, problem.answer, problem.answer)
    left, right, result, stated = (
        number if keep else near_miss(problem, rng) for number, keep in zip(truth, numbers, strict=True)
    )
    text = f"{left} {problem.operator} {right} = {result}\nThe answer is {stated}."
    longest = max(
        next((k for k, (a, b) in enumerate(zip(text, right_text, strict=False)) if a != b), len(text))
        for right_text in solutions(problem)
    )
    assert read(problem, text).first_error == (None if text in solutions(problem) else longest)


@pytest.mark.parametrize("problem", problems("validation", 6), ids=lambda problem: problem.key)
def test_synthetic_answers_are_a_mixture_and_differ(problem: Problem) -> None:
    answers = synthetic_answers(problem, 40, random.Random(0))
    readings = [read(problem, answer) for answer in answers]
    assert len(set(answers)) == len(answers)
    assert {reading.answer_is_right for reading in readings} == {True, False}
    assert {reading.first_error is None for reading in readings} == {True, False}


def test_a_near_miss_is_never_right() -> None:
    rng = random.Random(0)
    assert all(near_miss(p, rng) != p.answer for p, _ in product(problems("train", 30), range(50)))


def test_an_equation_ends_with_its_line() -> None:
    problem = next(p for p in problems("train", 8) if p.family == "addition")
    broken = f"{problem.left}\n+ {problem.right} = {problem.answer}"
    assert read(problem, broken).first_error is None


@given(st.text(alphabet="0123456789+-*/x=.,\n \u00f7answer is", max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    reading = read(problems("train", 1)[0], text)
    assert reading.first_error is None or 0 <= reading.first_error <= len(text)
