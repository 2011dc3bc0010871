"""Units and scales of stated quantities: what stands before them, and the one name of each."""

import pytest

from strategies.mathematics.units import split_unit


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("5 hours", "5", "h"),
        ("5 hrs", "5", "h"),
        ("5kg", "5", "kg"),
        ("10 inches", "10", "inch"),
        (r"10\text{ cm}", "10", "cm"),
        ("€5", "5", "euro"),
        ("-€5", "-5", "euro"),
        ("£7.5", "7.5", "£"),
        ("5€", "5", "euro"),
        (r"30^\circ", "30", "degree"),
        ("5%", r"(5)*\frac{1}{100}", None),
        ("5 million", "(5)*1000000", None),
        ("5 million dollars", "(5)*1000000", "dollar"),
        ("2 dozen eggs", "(2)*12", "egg"),
        ("3 apples", "3", "apple"),
        ("3 buses", "3", "buse"),
        ("3 glass", "3", "glass"),
        ("2 gas", "2", "gas"),
        ("60 km per hour", "60", "km/h"),
        ("7", "7", None),
        ("7 x", "7 x", None),
        ("3 and", "3 and", None),
        ("3m", "3m", None),
    ],
)
def test_a_quantity_is_a_value_and_a_unit(text: str, value: str, unit: str | None) -> None:
    assert split_unit(text) == (value, unit)
