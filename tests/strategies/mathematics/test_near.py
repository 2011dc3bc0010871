"""Which answers may be equal: values that agree relatively, and those that are nearly zero absolutely."""

import pytest

from strategies.mathematics.near import NearIndex
from strategies.mathematics.reading import read


def near(one: str, other: str) -> bool:
    index = NearIndex()
    index.add(7, read(one))
    return index.near(read(other)) == [7]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (r"\sqrt{8}", r"2\sqrt{2}", True),
        (r"\sqrt{2}", r"\sqrt{2}+10^{-6}", False),
        (r"\sqrt{2}", r"\sqrt{2}+10^{-12}", True),
        (r"\sqrt{2}-\sqrt{2}", "0", True),
        (r"\sqrt{2}-\sqrt{2}+10^{-9}", "0", False),
        (r"\pi", r"(\pi,\pi)", False),
        (r"(\pi,1)", r"(\pi,2)", False),
        (r"\sin(2x)", r"2\sin(x)\cos(x)", True),
        (r"\sin(2x)", r"\sin(x)", False),
        (r"10^{300}\pi", r"10^{300}\pi+1", True),
    ],
)
def test_values_that_agree(one: str, other: str, expected: bool) -> None:
    assert near(one, other) == near(other, one) == expected


def test_what_is_not_read_is_near_nothing() -> None:
    index = NearIndex()
    index.add(1, None)
    assert index.near(None) == []
    assert index.near(read(r"\pi")) == []
