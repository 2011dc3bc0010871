"""One key for spellings that differ only in layout, and different keys for what is different."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.text.canonical import canonical
from tests.random_cases import random_cases, several


@pytest.mark.parametrize(
    "spelling",
    [
        "1000",
        "1,000",
        "1000.0",
        "$1000$",
        " 1000. ",
        "001000",
        "`1000`",
        r"\$1,000",
        r"\text{1000}",
        r"\(1000\)",
    ],
)
def test_spellings_of_one_number_are_one_answer(spelling: str) -> None:
    assert canonical(spelling) == "1000"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("-0", "0"),
        ("0.0", "0"),
        ("-0.50", "-0.5"),
        ("Blue  Sky", "blue sky"),
        (r"\dfrac{1}{2}", r"\frac{1}{2}"),
        (r"\left( 1, 2 \right)", "(1,2)"),
        ("x + 1", "x+1"),
        (r"\text{ blue }", "blue"),
        (r"50\%", "50%"),
        ("", None),
        (" $ . ", None),
        ("1, 234", "1, 234"),
        ("5!", "5!"),
        (r"\leq 5", r"\leq 5"),
    ],
)
def test_worked_examples(text: str, key: str | None) -> None:
    assert canonical(text) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [("1/2", "12"), ("5!", "5"), ("50%", "50"), ("-5", "5"), ("1, 234", "1,234"), ("x", "y")],
)
def test_different_answers_have_different_keys(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@given(st.integers(-(10**9), 10**9), st.integers(0, 3))
def test_layout_of_an_integer_does_not_matter(number: int, zeros: int) -> None:
    tail = "." + "0" * zeros if zeros else ""
    assert canonical(f"{number:,}{tail}") == str(number)


_PIECES = [
    "\\text{",
    "}",
    "\\left",
    "\\,",
    "$",
    "\\$",
    "1",
    ",",
    "000",
    " ",
    ".",
    "x",
    "\\dfrac",
    "{",
    "-",
    "İ",
]


@random_cases(lambda rng: ("".join(several(rng, lambda r: r.choice(_PIECES), 0, 12)),))
def test_the_key_of_a_key_is_itself(text: str) -> None:
    once = canonical(text)
    assert once is None or canonical(once) == once


@given(st.text())
def test_the_key_of_a_key_is_itself_in_any_script(text: str) -> None:
    once = canonical(text)
    assert once is None or canonical(once) == once


@pytest.mark.parametrize(
    "text", [r"\text{" * 100_000, "$." * 500_000, " =" * 300_000, r"\text{" * 600 + "}" * 600, "," * 10**6]
)
def test_a_hostile_answer_costs_no_more_than_its_length(text: str) -> None:
    started = time.process_time()
    canonical(text)
    assert time.process_time() - started < 1
