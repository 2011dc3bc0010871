"""Answers in text: hand-worked cases of each rule, their order, and the spellings that count as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.answers.extract import answer_of, canonical, extract, last_boxed
from tests.strategies.conftest import candidate


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{42}.", "42"),
        (r"\boxed{1} and then \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{7} but the answer is 8", "7"),
        ("The answer is 19.", "19"),
        ("the Answer is: $1,000$.", "1000"),
        ("Answer: 3.50 dollars", "3.5"),
        ("The answer is 12 apples.", "12"),
        ("The answer is blue.", "blue"),
        ("first 3, then 4", "4"),
        ("-007.0 degrees", "-7"),
        ("0.5", "0.5"),
        ("no idea", None),
        ("", None),
    ],
)
def test_extract(text: str, answer: str | None) -> None:
    assert extract(text) == answer


def test_the_last_statement_counts() -> None:
    assert extract("The answer is 3.\nNo: the answer is 4.") == "4"


def test_an_unclosed_box_is_passed_over() -> None:
    assert last_boxed(r"\boxed{1} \boxed{2") == "1"
    assert last_boxed(r"\boxed{") is None


@pytest.mark.parametrize("spelling", ["1000", "1,000", "1000.0", "$1000$", " 1000. ", "001000", "`1000`"])
def test_spellings_of_one_number_are_one_answer(spelling: str) -> None:
    assert canonical(spelling) == "1000"


@pytest.mark.parametrize(
    ("text", "same"), [("-0", "0"), ("0.0", "0"), ("-0.50", "-0.5"), ("Blue  Sky", "blue sky")]
)
def test_canonical(text: str, same: str) -> None:
    assert canonical(text) == same


@given(st.integers(-(10**9), 10**9), st.integers(0, 3))
def test_layout_of_an_integer_does_not_matter(number: int, zeros: int) -> None:
    tail = "." + "0" * zeros if zeros else ""
    assert canonical(f"{number:,}{tail}") == str(number)


@given(st.text())
def test_canonical_is_stable(text: str) -> None:
    once = canonical(text)
    assert once is None or canonical(once) == once


@given(st.text())
def test_extract_never_raises(text: str) -> None:
    assert extract(text) != ""


def test_a_brought_answer_is_used_and_an_invalid_candidate_has_none() -> None:
    assert answer_of(candidate(0, "The answer is 1.", answer="2.0")) == "2"
    assert answer_of(candidate(0, "The answer is 1.", "length")) is None
