"""The letter that a response chooses, in the ways in which models write it."""

import pytest

from strategies.answers.choice import choice, parse_choice


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        (r"so \boxed{B}", "B"),
        (r"\boxed{\text{(C)}}", "C"),
        (r"\boxed{(D) 42}", "D"),
        (r"\boxed{12}", None),
        (r"(C) since it is \boxed{12}", "C"),
        ("The answer is (B).", "B"),
        ("The answer is B because A is wrong.", "B"),
        ("**Answer: C**", "C"),
        ("Answer:\n\nD", "D"),
        ("answer: (b)", "B"),
        ("The correct answer is\n$\\text{E}$", "E"),
        ("A) 3\nB) 4\nI think (B) fits.", "B"),
        ("It is Option C.", "C"),
        ("B. 42", "B"),
        ("The answer is a cat", None),
        ("A cat and I went home", None),
        ("Clearly C", "C"),
        ("The answer is (A). No, the answer is (C).", "C"),
        ("The answer is C. Option A is wrong.", "C"),
        ("The correct choice is C.", "C"),
        ("I go with option (C)", "C"),
        ("Therefore, B. Note that (A) was tempting.", "B"),
        ("The answer is not A. It is D.", "D"),
        ("Not A, since B holds.", "B"),
        ("(A) is incorrect. (B) it is.", "B"),
        ("B\n\nOption D isn't right.", "B"),
        ("The answer is B, not C.", "B"),
        ("Option A is wrong.", None),
        ("It can't be (A).", None),
        ("no letter", None),
        ("", None),
    ],
)
def test_choice(text: str, letter: str | None) -> None:
    assert choice(text) == letter


@pytest.mark.parametrize(("answer", "letter"), [("b", "B"), ("(C) blue", "C"), ("blue", None), ("", None)])
def test_a_brought_choice(answer: str, letter: str | None) -> None:
    assert parse_choice(answer) == letter
