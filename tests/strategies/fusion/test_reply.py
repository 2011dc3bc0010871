"""Reading a fusor's reply: vectors by hand, and the end of an answer against a slow reference."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.fusion.reply import OPENING, Reply, enclosed, read_reply
from tests.random_cases import random_cases
from tests.strategies.fusion.replies import REPLIES, reply

READ: list[tuple[str, str | None]] = [
    ("Comparison: both fine.\nAnswer: [[four]]", "four"),
    ("Comparison: both fine.\n\nAnswer: [[ two\nlines ]]\n", "two\nlines"),
    ("Answer:[[4]]", "4"),
    ("Answer:\n[[\n4\n]]", "4"),
    ("**Answer:** [[4]]", "4"),
    ("**Answer**: [[4]]", "4"),
    ("### Final answer: [[4]]", "4"),
    ("> answer : [[4]]", "4"),
    ("Answer: [[4]]. I hope that this helps!", "4"),
    ("Answer: [[m = [[1, 2], [3, 4]] is the matrix]]", "m = [[1, 2], [3, 4]] is the matrix"),
    ("Answer: [[a[b[0]] and [1, [2]]]]", "a[b[0]] and [1, [2]]"),
    ("Answer: [[[1, 2]]]", "[1, 2]"),
    ("Answer: [[steps\nAnswer: 42]]", "steps\nAnswer: 42"),
    ("Answer: [[draft]]\nNo, again.\nAnswer: [[second]]", "draft"),
    ("Comparison: 2 says Answer: [[x]].\nAnswer: [[four]]", "four"),
    ("Comparison: fine. Answer: [[four]]", "four"),
    ("Comparison: 2 says Answer: [[x]]. Answer: [[four]]", "four"),
    ("Comparison: fine.\nAnswer: the sum is [[3]] or rather [[4]]", "4"),
    ("Comparison: fine.\nAnswer: four", "four"),
    ("Text 1 says Answer: 3. Answer: four", "four"),
    ("Answer: [[]]", None),
    ("Answer: [[ \n ]]", None),
    ("Answer:", None),
    ("four", None),
    ("[[four]]", None),
    ("", None),
    ("My answer is four, the answers: none", None),
]


@pytest.mark.parametrize(("text", "answer"), READ)
def test_the_answer_is_found(text: str, answer: str | None) -> None:
    assert read_reply(text).answer == answer


@pytest.mark.parametrize(
    ("text", "answer", "closed"),
    [
        ("Answer: [[four", "four", False),
        ("Answer: [[four]", "four", False),
        ("Answer: [[four\n ] ", "four", False),
        ("Answer: [[", None, False),
        ("Answer: [[see [[1, 2]] and fo", "see [[1, 2", False),
        ("Answer: the sum is [[4", "4", False),
        ("Answer: four and a ha", "four and a ha", False),
        ("Answer: [[four]]", "four", True),
        ("Answer: [[four]] ", "four", True),
        ("Answer: [[four]]\nAnswer: [[four]]\nAnswer: [[fo", "four", True),
    ],
)
def test_a_reply_that_was_cut_off_says_so(text: str, answer: str | None, closed: bool) -> None:
    reply = read_reply(text, ended=False)
    assert (reply.answer, reply.closed) == (answer, closed)


def test_an_answer_that_ends_inside_its_own_brackets_is_not_closed() -> None:
    assert read_reply("Answer: [[see [[1, 2]] and no more") == Reply("see [[1, 2", "", closed=False)


@pytest.mark.parametrize(
    ("text", "comparison"),
    [
        ("Comparison: A is right.\nB is wrong.\nAnswer: [[4]]", "A is right.\nB is wrong."),
        ("**Comparison:** A.\n**Answer:** [[4]]", "A."),
        ("A is right.\n\nAnswer: 4", "A is right."),
        ("Comparison: it never ends", "it never ends"),
        ("Answer: [[4]]", ""),
    ],
)
def test_the_comparison_is_what_comes_before(text: str, comparison: str) -> None:
    assert read_reply(text).comparison == comparison


@random_cases(lambda rng: (reply(rng),))
def test_the_end_of_an_answer_agrees_with_trying_every_end(body: str) -> None:
    assert enclosed(body)[0] == _slow_end(body)


def _slow_end(body: str) -> str:
    """Try the ends from the last to the first; the first that stands on this side of a second beginning is it."""
    ends = [i for i in range(len(body)) if body.startswith("]]", i)]
    for end in reversed(ends):
        if not any(ends[0] < begin.start() < end for begin in OPENING.finditer(body)):
            return body[:end].strip()
    text = body.strip()
    return text[:-1].strip() if text.endswith("]") else text


@given(REPLIES)
def test_more_text_never_takes_back_what_was_said(body: str) -> None:
    said = [enclosed(body[:end])[0] for end in range(len(body) + 1)]
    assert all(later.startswith(earlier) for earlier, later in pairwise(said))


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    reply = read_reply(text)
    assert reply.answer is None or reply.answer.strip() == reply.answer != ""


@given(
    st.text(alphabet=st.characters(exclude_characters="[]"), min_size=1).filter(str.strip),
    st.text(max_size=30),
)
def test_an_answer_in_the_form_that_was_asked_for_comes_back_as_it_was(answer: str, comparison: str) -> None:
    text = f"Comparison: {comparison}\nAnswer: [[{answer}]]"
    if OPENING.search(text).start() == text.rindex("Answer: [[" + answer):  # type: ignore[union-attr]
        assert read_reply(text).answer == answer.strip()


@pytest.mark.parametrize(
    ("after", "closed"), [("", True), (" \n", True), (".", False), ("x", False), ("ab", False)]
)
def test_a_reply_that_was_cut_off_behind_its_brackets_may_have_gone_on(after: str, closed: bool) -> None:
    assert enclosed(f"[1]]{after}", ended=False) == ("[1", closed)
