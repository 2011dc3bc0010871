"""Answers in text: hand-worked cases of each rule, their order, and linear time on hostile text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.answers.extract import answer_of, automatic, extract
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
        ("The answer is **12** apples.", "12"),
        ("The answer is 42. Let me check that.", "42"),
        ("The answer is 1/2.", "1/2"),
        ("The answer is 2x + 1.", "2x+1"),
        ("The answer is 50%.", "50%"),
        ("The answer is 3 and 4.", "3 and 4"),
        ("The answer is $x = 5$ because 2 is wrong.", "x=5"),
        (r"The answer is \(\frac{1}{2}\) of it.", r"\frac{1}{2}"),
        ("The answer is blue.", "blue"),
        ("The answer is:\n\n 42", "42"),
        ("ANSWER: 5\nThat was my Answer.", "5"),
        ("The answer is the answer: 6", "6"),
        ("first 3, then 4", "4"),
        ("-007.0 degrees", "-7"),
        ("0.5", "0.5"),
        ('{"b": 2, "a": 1}', '{"a":1,"b":2}'),
        ('{"name": "A B"}', '{"name":"A B"}'),
        ("no idea", None),
        ("", None),
    ],
)
def test_extract(text: str, answer: str | None) -> None:
    assert extract(text) == answer


def test_the_last_statement_counts() -> None:
    assert extract("The answer is 3.\nNo: the answer is 4.") == "4"


def test_the_text_of_an_answer_keeps_its_case() -> None:
    answer = automatic(r"\boxed{\mathbb{R}}")
    assert answer is not None
    assert (answer.text, answer.key) == (r"\mathbb{R}", r"\mathbb{r}")


@given(st.text() | st.text(alphabet="answer is:=$ 12,./x\\n\n{}()", max_size=60))
def test_extract_never_raises(text: str) -> None:
    assert extract(text) != ""


@pytest.mark.parametrize(
    "text",
    [
        "answer:" + "\n" * 300_000,
        "answer" * 100_000,
        "ANSWER answer " * 50_000,
        "answer is " * 100_000,
        "1," * 300_000,
        "answer is " + "$" * 300_000,
        "answer is " + "1" + " " * 300_000,
        "answer is \\(" * 50_000,
    ],
    ids=lambda text: text[:20],
)
def test_a_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    started = time.process_time()
    extract(text)
    assert time.process_time() - started < 2


def test_a_brought_answer_is_used_and_an_invalid_candidate_has_none() -> None:
    assert answer_of(candidate(0, "The answer is 1.", answer="2.0")) == "2"
    assert answer_of(candidate(0, "The answer is 1.", "length")) is None
