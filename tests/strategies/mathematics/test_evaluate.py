"""Exact and floating values of formulas: vectors by hand, sympy as the slow reference, and the bounds on size."""

import math
from fractions import Fraction

import pytest
import sympy  # type: ignore[import-untyped]  # it ships no types
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.mathematics.evaluate import exact_values, float_values
from strategies.mathematics.expression import MAX_LENGTH, Unreadable, parse
from strategies.mathematics.reading import MAX_EFFORT, effort, read, spelled


def exact(text: str) -> Fraction | None:
    values = exact_values(parse(text))
    return None if values is None else values[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1+2*3", 7),
        ("2-3-4", -5),
        ("2^{3}", 8),
        ("-2^2", -4),
        ("(-2)^2", 4),
        ("2^{-3}", Fraction(1, 8)),
        (r"\frac{1}{2}+\frac{1}{3}", Fraction(5, 6)),
        (r"\frac12", Fraction(1, 2)),
        (r"2\frac{1}{2}", Fraction(5, 2)),
        ("1.5e-2", Fraction(3, 200)),
        ("1.5e1", 15),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("4!", 24),
        ("0!", 1),
        (r"\sqrt{49}", 7),
        (r"\sqrt{\frac{4}{9}}", Fraction(2, 3)),
        (r"\sqrt[3]{27}", 3),
        (r"\sqrt[3]{\frac{8}{27}}", Fraction(2, 3)),
        ("8^{1/3}", 2),
        ("|2-5|", 3),
        ("2(3+4)", 14),
        ("6/2", 3),
        ("0^2", 0),
        ("3000!/2999!", 3000),
        (r"\sqrt{0}", 0),
        ("2*-3", -6),
        ("6/-2", -3),
        ("x*0", 0),
        ("4^{-1/2}", Fraction(1, 2)),
        (r"\sqrt[64]{1}", 1),
    ],
)
def test_exact_values_by_hand(text: str, value: Fraction | int) -> None:
    assert exact(text) == value


@pytest.mark.parametrize(
    "text",
    [
        r"\sqrt{2}",
        r"\pi",
        "e",
        "1/0",
        "0^0",
        "0^{-1}",
        "3001!",
        "(1/2)!",
        r"\sqrt{-4}",
        "2^{99999}",
        "2^{1/2}",
    ],
)
def test_what_is_irrational_undefined_or_too_large_has_no_exact_value(text: str) -> None:
    assert exact(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\sqrt{2}", math.sqrt(2)),
        (r"\sin(\frac{\pi}{6})", 0.5),
        (r"\cos(0)", 1.0),
        (r"\tan(\frac{\pi}{4})", 1.0),
        (r"\ln(e)", 1.0),
        (r"\exp(2)", math.exp(2)),
        ("2^{1/2}", math.sqrt(2)),
        ("5!", 120.0),
        ("|-3|", 3.0),
        (r"\sqrt[3]{2}", 2 ** (1 / 3)),
        ("i^2", -1.0),
    ],
)
def test_values_in_floating_point(text: str, value: float) -> None:
    values = float_values(parse(text))
    assert values is not None
    assert values[0] == pytest.approx(value)


@pytest.mark.parametrize("text", ["171!", "2^{-2000}", "1/0", "10^{400}", "1e-305"])
def test_what_leaves_the_range_of_floats_has_no_float(text: str) -> None:
    assert float_values(parse(text)) is None


NUMBER = st.integers(0, 9).map(str)
FORMULA = st.recursive(
    st.one_of(NUMBER, st.just("x")),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(FORMULA, FORMULA)
def test_two_polynomials_agree_at_the_points_where_sympy_says_that_they_are_one(one: str, other: str) -> None:
    same = sympy.expand(sympy.sympify(f"{one}-({other})")) == 0
    assert (exact_values(parse(one)) == exact_values(parse(other))) == same


@pytest.mark.parametrize(
    "text", ["", "1+", "(1", "two apples", "1 2", "2^3^4", "a" * 2, r"\unknown{1}", "1" * (MAX_LENGTH + 1)]
)
def test_what_the_grammar_does_not_know_is_not_read(text: str) -> None:
    if text == "aa":
        assert parse(text) == ("*", ("symbol", "a"), ("symbol", "a"))
        return
    with pytest.raises(Unreadable):
        parse(text)


@pytest.mark.parametrize(("depth", "is_read"), [(39, True), (41, False)])
def test_nesting_is_bounded(depth: int, is_read: bool) -> None:
    text = "(" * depth + "1" + ")" * depth
    assert (read(text) is not None) == is_read


@pytest.mark.parametrize(
    ("text", "cost"), [("x^2", 1), ("5!", 16), ("2^{1000}", 17), ("2^99", 1), ("2^{-100}", 17), ("7", 0)]
)
def test_the_effort_of_an_answer(text: str, cost: int) -> None:
    assert effort(text) == cost


@pytest.mark.parametrize(("count", "is_read"), [(16, True), (17, False)])
def test_an_answer_may_hold_so_many_factorials(count: int, is_read: bool) -> None:
    assert MAX_EFFORT == 256
    assert (read("+".join(["3!"] * count)) is not None) == is_read


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("√2", r"\sqrt{2}"),
        ("√(x+1)", r"\sqrt{x+1}"),
        ("sqrt(2)", r"\sqrt(2)"),
        (r"0.\overline{3}", r"\frac{3}{9}"),
        (r"0.1\overline{6}", r"\frac{15}{90}"),
        ("2.(45)", r"\frac{243}{99}"),
        ("3²", "3^2"),
    ],
)
def test_signs_become_commands(text: str, plain: str) -> None:
    found = spelled(text)
    if "frac" in plain:
        assert exact(found) == exact(plain)
    else:
        assert found == plain
