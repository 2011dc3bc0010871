"""What a worker process says of answers, asked without the process."""

import pytest

from service.equivalence.program import judge


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (r"\frac{1}{2}", "$0.5$", True),
        ("x=5", "5", True),
        ("5", "x=5", True),
        (r"50\%", "0.5", True),
        (r"\{1,2\}", r"\{2,1\}", True),
        (r"(x+1)^2", "x^2+2x+1", True),
        (r"30^\circ", "30", True),
        (r"\$5", "5", True),
        ("(1,2)", "(2,1)", False),
        (r"\text{blue}", r"\text{lube}", False),
        ("1/3", "0.33", False),
        (r"\frac{1}{0}", "1", False),
    ],
)
def test_equality(one: str, other: str, equal: bool) -> None:
    assert judge([one, other]) is equal
    assert judge([other, one]) is equal


@pytest.mark.parametrize(
    ("answer", "is_formula"), [("1/2", True), (r"\frac{1}{0}", True), (r"\sqrt", False), ("", False)]
)
def test_one_answer_is_tried_alone(answer: str, is_formula: bool) -> None:
    assert judge([answer]) is is_formula
