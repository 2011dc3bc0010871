"""Steps join to the text whatever the text is, and agree with a reading of it character by character."""

import time
from random import Random

import pytest

from strategies.answers.steps import split_steps
from tests.random_cases import random_cases, several

DELIMITERS = ["\n", "\n\n", "###", "ки\n", " | ", "ab", "aa", "."]
# Few letters, so that delimiters, overlaps and blank runs are common.
LETTERS = "ab# |.ки\n\t"
ALSO = " \r\x0b\x1c\x85\xa0\u2003\u2028\u3000\ufeffé𝄞"
"""What else Python calls white space or ends a line at, what looks like it, and other letters."""


def _text(rng: Random, letters: str = LETTERS) -> str:
    return "".join(several(rng, lambda r: r.choice(letters), 0, 40))


def _split(rng: Random) -> tuple[str, str]:
    return _text(rng), rng.choice(DELIMITERS)


def reference(text: str, delimiter: str) -> list[str]:
    """The same rule by hand: walk along, and end a step where a run of delimiters and blanks ends."""
    pieces: list[str] = []
    start = position = 0
    while position < len(text):
        if not text.startswith(delimiter, position):
            position += 1
            continue
        position = end_of_run(text, delimiter, position + len(delimiter))
        pieces.append(text[start:position])
        start = position
    pieces.append(text[start:])
    return joined_blanks([piece for piece in pieces if piece], delimiter)


def end_of_run(text: str, delimiter: str, end: int) -> int:
    """The furthest position to which the run that ends at `end` can be taken."""
    furthest = end
    reach = end
    while reach < len(text) and (text[reach].isspace() or text.startswith(delimiter, reach)):
        reach += len(delimiter) if text.startswith(delimiter, reach) and delimiter.strip() else 1
        if text[:reach].endswith(delimiter):
            furthest = reach
    return furthest


def joined_blanks(pieces: list[str], delimiter: str) -> list[str]:
    blank = [not piece.replace(delimiter, "").strip() for piece in pieces]
    while len(pieces) > 1 and blank[0]:
        pieces[:2], blank[:2] = [pieces[0] + pieces[1]], [blank[1]]
    while len(pieces) > 1 and blank[-1]:
        pieces[-2:], blank[-2:] = [pieces[-2] + pieces[-1]], [blank[-2]]
    return pieces


@pytest.mark.parametrize(
    ("text", "delimiter", "steps"),
    [
        ("", "\n", ()),
        ("one", "\n", ("one",)),
        ("one\n", "\n", ("one\n",)),
        ("one\ntwo", "\n", ("one\n", "two")),
        ("one\ntwo\n", "\n", ("one\n", "two\n")),
        ("one\n\n\ntwo", "\n", ("one\n\n\n", "two")),
        ("one\n  \n\ttwo", "\n", ("one\n  \n", "\ttwo")),
        ("\n\none\ntwo", "\n", ("\n\none\n", "two")),
        ("one\n   ", "\n", ("one\n   ",)),
        ("\n \n", "\n", ("\n \n",)),
        ("   ", "\n", ("   ",)),
        ("a b\nc\n\nd", "\n\n", ("a b\nc\n\n", "d")),
        ("a\n\n\nb", "\n\n", ("a\n\n\n", "b")),
        ("x### ###y###", "###", ("x### ###", "y###")),
        ("one\r\ntwo", "\n", ("one\r\n", "two")),
        ("Step 1: 2 ки\nStep 2: 3 ки\n", "ки\n", ("Step 1: 2 ки\n", "Step 2: 3 ки\n")),
    ],
)
def test_worked_examples(text: str, delimiter: str, steps: tuple[str, ...]) -> None:
    assert split_steps(text, delimiter) == steps


@random_cases(_split)
def test_agrees_with_the_reference(text: str, delimiter: str) -> None:
    assert list(split_steps(text, delimiter)) == reference(text, delimiter)


@random_cases(lambda rng: (_text(rng, LETTERS + ALSO), rng.choice(DELIMITERS)))
def test_steps_join_to_the_text_and_all_but_the_last_are_finished(text: str, delimiter: str) -> None:
    steps = split_steps(text, delimiter)
    assert "".join(steps) == text
    assert all(steps)
    assert all(step.endswith(delimiter) for step in steps[:-1])


@random_cases(_split)
def test_no_step_is_blank_unless_all_is(text: str, delimiter: str) -> None:
    steps = split_steps(text, delimiter)
    assert len(steps) <= 1 or all(step.replace(delimiter, "").strip() for step in steps)


@random_cases(_split)
def test_a_step_is_one_step(text: str, delimiter: str) -> None:
    assert all(split_steps(step, delimiter) == (step,) for step in split_steps(text, delimiter))


@random_cases(lambda rng: (_text(rng), rng.choice(["\n", "\n\n"]), rng.random()))
def test_growing_text_changes_only_its_last_step(text: str, delimiter: str, share: float) -> None:
    so_far = split_steps(text[: round(share * len(text))], delimiter)
    finished = so_far[:-1]
    assert split_steps(text, delimiter)[: len(finished)] == finished


def test_an_empty_delimiter_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one character"):
        split_steps("text", "")


@pytest.mark.parametrize(
    "text", ["\n" * 200_000, " " * 200_000, "\n" + " " * 200_000 + "x", "a\n" * 100_000, "\n " * 100_000]
)
def test_long_blank_text_takes_no_quadratic_time(text: str) -> None:
    began = time.perf_counter()
    assert "".join(split_steps(text, "\n")) == text
    assert time.perf_counter() - began < 10
