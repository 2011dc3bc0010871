"""Answers in text: hand-worked cases of each rule, their order, and linear time on hostile text."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.answers.extract import answer_of, automatic, extract
from strategies.answers.voting_strategy import exact_ballot
from strategies.majority import select
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
        ("no idea", "no idea"),
        ("", None),
        (" \n", None),
        ("...", None),
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


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("positive", "positive"),
        (" Positive. ", "positive"),
        ("**Positive**", "positive"),
        ("- positive", "positive"),
        ("# Positive", "positive"),
        ('"no"', "no"),
        ("No.", "no"),
        ("true", "true"),
        ("Paris", "paris"),
        ("`Paris`", "paris"),
        ("São  Paulo\n", "são paulo"),
        ("-x", "-x"),
        ("B", "b"),
        ("(B)", "b"),
        ("B.", "b"),
        ("B. because it fits", "b"),
        ("**(C)** of 4", "c"),
        ("The correct choice is C.", "c"),
        ("I take option (C)", "c"),
        ("A) 3\nB) 4\nnone of these", "4"),
        ("A cat", "a cat"),
    ],
)
def test_a_response_in_which_nothing_else_is_found_is_its_own_answer(text: str, answer: str) -> None:
    assert extract(text) == answer


def test_long_texts_are_one_answer_only_where_they_are_equal() -> None:
    long = "to be or not to be " * 40
    assert extract(long) == extract(f"  {long.upper()} ")
    assert extract(long) != extract(long + "that is")
    assert len(extract(long) or "") < 250


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["yes", "No", "Paris.", "(B)", "maybe so", "42", "x = 3", '"a"']),
        min_size=1,
        max_size=12,
    )
)
def test_a_vote_over_any_labels_returns_a_most_frequent_one(labels: list[str]) -> None:
    pool = [candidate(i, label) for i, label in enumerate(labels)]
    outcome = select(pool, exact_ballot(pool), 1)
    keys = [extract(label) for label in labels]
    assert keys.count(keys[outcome.selected[0]]) == max(map(keys.count, keys))
    assert (outcome.degraded == "nothing_repeated") == (len(labels) > 1 and len(set(keys)) == len(keys))
