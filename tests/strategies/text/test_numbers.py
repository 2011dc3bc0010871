"""Numbers are read whole, and what is part of a time, a date, a ratio or a version is none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.answers.extract import extract
from strategies.text.canonical import canonical
from strategies.text.numbers import ascii_digits, last_number, plain_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("it is .75", ".75"),
        ("it is −5", "-5"),
        ("it is -5", "-5"),
        ("pages 3-5", "5"),
        ("x-5", "5"),
        ("some 5 million", "5 million"),
        ("about 2.5 Billion people", "2.5 Billion"),
        ("1e3 of them", "1e3"),
        ("1.5E-7", "1.5E-7"),
        ("so 1/2", "1/2"),
        ("so 2 1/2 cups", "2 1/2"),
        ("so 50%", "50%"),
        ("so 50 %", "50 %"),
        ("1,000,000 in all", "1,000,000"),
        ("1 000 000 in all", "1 000 000"),
        ("1'000 in all", "1'000"),
        ("it costs 3,5 euros", "3,5"),
        ("it took 2 h 30 min", "2 h 30 min"),
        ("5 ft 3 in tall", "5 ft 3 in"),
        ("1 hour and 15 minutes", "1 hour and 15 minutes"),
        ("7 at 12:30", "7"),
        ("4 on 2024-01-05", "4"),
        ("4 on 1/2/2024", "4"),
        ("6 with version 1.2.3", "6"),
        ("2 in a ratio of 3:2", "2"),
        ("at 12:30", None),
        ("v1.2.3", None),
        ("on 5.6.2024", None),
        ("٤٢", "42"),
        ("４２．５", "42.5"),
        ("none", None),
    ],
)
def test_the_last_number_is_read_whole(text: str, number: str | None) -> None:
    assert last_number(text) == number


@pytest.mark.parametrize(
    ("number", "plain"),
    [
        (".5", "0.5"),
        ("0.50", "0.5"),
        ("+7", "7"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("007", "7"),
        ("1,000", "1000"),
        ("1 000", "1000"),
        ("1'000.50", "1000.5"),
        ("5 million", "5000000"),
        ("2.5 thousand", "2500"),
        ("-1.5 hundred", "-150"),
        ("1e3", "1000"),
        ("1.5e-3", "0.0015"),
        ("1e999", "1e999"),
    ],
)
def test_one_spelling_for_a_number(number: str, plain: str) -> None:
    assert plain_number(number) == canonical(number) == plain


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is .75", "0.75"),
        ("The answer is −5.", "-5"),
        ("The answer is 5 million.", "5000000"),
        ("The answer is 5 million dollars.", "5000000"),
        ("The answer is 12:30.", "12:30"),
        ("The answer is 5 ft 3 in.", "5 ft 3 in"),
        ("The answer is 3,5.", "3,5"),
        ("The answer is 1e3.", "1000"),
        ("The answer is ٧.", "7"),
    ],
)
def test_what_is_stated_is_read_whole_too(text: str, answer: str) -> None:
    assert extract(text) == answer


@settings(deadline=None)
@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
    | st.integers(-(10**15), 10**15)
)
def test_a_printed_number_is_read_back(value: float) -> None:
    for text in (str(value), f"The answer is {value}.", f"so we get {value}"):
        found = extract(text)
        assert found is not None
        assert float(found) == float(value)


@settings(deadline=None)
@given(st.integers(1000, 10**12))
def test_thousands_are_read_back(value: int) -> None:
    for mark in (",", " ", "'"):
        assert extract(f"{value:,}".replace(",", mark)) == str(value)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_ascii_digits_keep_length_and_ascii(text: str) -> None:
    plain = ascii_digits(text)
    assert len(plain) == len(text) or not text.isascii()
    assert ascii_digits(plain) == plain
