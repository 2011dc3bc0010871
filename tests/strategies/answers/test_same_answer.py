"""Which answers are equal as mathematics: worked examples by kind, and an equivalence relation over all of them."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.equivalence.program import judge
from strategies.answers.equivalence import merge
from strategies.answers.extract import as_answer


class Here:
    """The symbolic check without the process: nothing hostile is asked."""

    async def same(self, pairs: Sequence[tuple[str, str]]) -> Sequence[bool | None]:
        return [judge(pair) for pair in pairs]


def grouped(*stated: str) -> list[int | None]:
    return list(asyncio.run(merge([as_answer(text) for text in stated], Here())).groups)


EQUAL = [
    (r"5\%", "0.05"),
    ("5%", "1/20"),
    (r"12.5\%", r"\frac{1}{8}"),
    ("150 percent", "1.5"),
    ("100%", "1"),
    (r"\{1,2\}", r"\{2,1\}"),
    ("1,2", r"\{2,1\}"),
    (r"\{1,1,2\}", r"\{1,2\}"),
    (r"\pm 3", r"\{-3,3\}"),
    ("1<x<2", "(1,2)"),
    (r"1\leq x\leq 2", "[1,2]"),
    ("x>3", r"(3,\infty)"),
    ("12_{8}", "10"),
    ("1010_2", "10"),
    ("ff_{16}", "255"),
    ("-12_3", "-5"),
    ("3 h", "3 hours"),
    ("10 inches", "10"),
    (r"10\text{ cm}", "10 cm"),
    (r"5\text{ meters}", "5 m"),
    ("5 kg", "5kg"),
    ("5 million", "5000000"),
    ("2.5 thousand dollars", "2500 dollars"),
    (r"0.\overline{3}", "1/3"),
    (r"0.1\overline{6}", r"\frac{1}{6}"),
    (r"0.\overline{9}", "1"),
    (r"-2.\overline{45}", r"-\frac{27}{11}"),
    ("0.(142857)", "1/7"),
    ("√2", r"\sqrt{2}"),
    ("3√5", r"3\sqrt{5}"),
    ("√(x+1)", r"\sqrt{x+1}"),
    ("√4", "2"),
    ("30°", r"30^\circ"),
    ("45 degrees", r"45^{\circ}"),
    ("30°", "30"),
    (r"\sin(30°)", "1/2"),
    (r"\cos(60^\circ)", "0.5"),
    ("1e3", "1000"),
    ("1.5E-2", "0.015"),
    ("2e5", r"2\times 10^5"),
    ("-4e0", "-4"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix}1 & 2 \\ 3 & 4\end{bmatrix}"),
    (r"\begin{pmatrix}1\\0.5\end{pmatrix}", r"\begin{bmatrix}1\\\frac{1}{2}\end{bmatrix}"),
    (r"\begin{matrix}x&1\end{matrix}", r"\begin{pmatrix}x&1\end{pmatrix}"),
    (".5", "0.5"),
    ("−5", "-5"),
    (r"2\frac{1}{2}", "2.5"),
    ("(x+1)^2", "x^2+2x+1"),
    (r"\sqrt{8}", r"2\sqrt{2}"),
    (r"\sqrt{5+2\sqrt{6}}", r"\sqrt{2}+\sqrt{3}"),
    (r"\sin(2x)", r"2\sin(x)\cos(x)"),
    ("x=5", "5"),
    (r"\frac{2^{2010}}{2^{2009}}", "2"),
]
DIFFERENT = [
    (r"5\%", "5"),
    ("100%", "100"),
    ("0.5%", "0.5"),
    ("20 percent", "20"),
    (r"\{1,2\}", "(1,2)"),
    ("(1,2)", "(2,1)"),
    ("[1,2]", "(1,2)"),
    (r"\{1,2\}", "[1,2]"),
    (r"\{3,4,5\}", "(3,4,5)"),
    (r"\frac{1}{2010!}", r"\frac{1}{2012!}"),
    ("2^{-90}", "2^{-91}"),
    (r"\frac{3^{201}+1}{3^{202}}", r"\frac{1}{3^{202}}"),
    ("1e-30", "2e-30"),
    ("1e-30", "0"),
    ("10^{-40}+1", "1"),
    (r"\pi+2^{-90}", r"\pi"),
    (r"\sqrt{2}\cdot 2^{-90}", r"\sqrt{2}\cdot 2^{-91}"),
    ("10^{20}", "10^{20}+1"),
    ("1/3", "0.33"),
    ("12_{8}", "12"),
    ("11_2", "11"),
    ("77_{8}", "77_{9}"),
    ("10_{16}", "10"),
    ("3 h", "3 s"),
    ("10 inches", "10 cm"),
    (r"5\text{ kg}", r"5\text{ g}"),
    ("30°", "30 rad"),
    ("10 inches", "11 inches"),
    (r"0.\overline{3}", "0.3"),
    ("√2", "2"),
    ("1e3", "3"),
    (r"\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix}1&2\\3&5\end{bmatrix}"),
    (r"\sqrt{2}", "1.414"),
    ("x+1", "x+2"),
    ("x", "y"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_answers_are_one_group(one: str, other: str) -> None:
    assert grouped(one, other) == grouped(other, one) == [0, 0]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_answers_are_two_groups(one: str, other: str) -> None:
    assert grouped(one, other) == grouped(other, one) == [0, 1]


def test_a_percentage_does_not_join_its_number_and_its_value() -> None:
    assert grouped(r"5\%", "5", "0.05", "7", "5", "7") == [0, 1, 0, 2, 1, 2]


def test_a_number_without_a_unit_joins_the_most_frequent_unit_only() -> None:
    assert grouped("10", "10 inches", "10 cm", "10 cm") == [0, 1, 0, 0]
    assert grouped("3 s", "3", "3 h") == [0, 0, 1]


_MIXED = sorted({text for pair in EQUAL + DIFFERENT for text in pair})
_UNITS = ("h", "s", "inch", "cm", "kg", "g", "dollar", "meter", "°", "circ", "degree", "rad")
_WITHOUT_UNITS = [text for text in _MIXED if not any(unit in text for unit in _UNITS)]
_TEXT = st.sampled_from(_WITHOUT_UNITS)


@settings(deadline=None, max_examples=60)
@given(_TEXT, _TEXT, _TEXT)
def test_equality_is_reflexive_symmetric_and_transitive(a: str, b: str, c: str) -> None:
    def equal(one: str, other: str) -> bool:
        return grouped(one, other) == [0, 0]

    assert equal(a, a)
    assert equal(a, b) == equal(b, a)
    assert not (equal(a, b) and equal(b, c)) or equal(a, c)


@settings(deadline=None, max_examples=60)
@given(st.lists(_TEXT, max_size=6))
def test_groups_are_those_of_the_pairs(stated: list[str]) -> None:
    groups = grouped(*stated)
    for one, group in zip(stated, groups, strict=True):
        for other, own in zip(stated, groups, strict=True):
            assert (group == own) == (grouped(one, other) == [0, 0])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(_MIXED), min_size=1, max_size=16))
def test_no_group_holds_two_units_or_splits_one_answer(stated: list[str]) -> None:
    groups = grouped(*stated)
    assert groups[0] == 0
    quantities = ["3 h", "3 s", "10 inches", "10 cm"]
    held = [{text for text, own in zip(stated, groups, strict=True) if own == g} for g in set(groups)]
    assert all(len(texts & set(quantities)) <= 1 for texts in held)
    assert sum(len(texts) for texts in held) == len(set(stated))
