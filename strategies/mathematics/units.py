"""The unit and scale of a stated quantity: "5 million dollars" is 5000000 and "dollar", "30°" is 30 and "degree"."""

import re
from typing import Final

SCALES: Final = {
    "%": r"\frac{1}{100}",
    "‰": r"\frac{1}{1000}",
    "percent": r"\frac{1}{100}",
    "per cent": r"\frac{1}{100}",
    "percentage": r"\frac{1}{100}",
    "permille": r"\frac{1}{1000}",
    "dozen": "12",
    "hundred": "100",
    "thousand": "1000",
    "million": "1000000",
    "billion": "1000000000",
    "trillion": "1000000000000",
}
"""What a word or sign after a number multiplies it by, as LaTeX."""

_SPELLINGS: Final = {
    "degree": "degrees deg ° ^\\circ",
    "h": "hour hours hr hrs",
    "min": "minute minutes mins",
    "s": "second seconds sec secs",
    "ms": "millisecond milliseconds",
    "day": "days d",
    "week": "weeks",
    "year": "years yr yrs",
    "m": "meter meters metre metres",
    "km": "kilometer kilometers kilometre kilometres",
    "cm": "centimeter centimeters centimetre centimetres",
    "mm": "millimeter millimeters millimetre millimetres",
    "inch": "inches in",
    "foot": "feet ft",
    "yard": "yards yd",
    "mile": "miles mi",
    "kg": "kilogram kilograms",
    "g": "gram grams",
    "mg": "milligram milligrams",
    "lb": "lbs pound pounds",
    "l": "liter liters litre litres",
    "ml": "milliliter milliliters millilitre millilitres",
    "n": "newton newtons",
    "j": "joule joules",
    "kj": "kilojoule kilojoules",
    "w": "watt watts",
    "kw": "kilowatt kilowatts",
    "v": "volt volts",
    "hz": "hertz",
    "pa": "pascal pascals",
    "mol": "mole moles",
    "k": "kelvin kelvins",
    "dollar": "dollars usd",
    "euro": "euros eur €",
    "cent": "cents",
    "rad": "radian radians",
}
_NAMES: Final = {name: unit for unit, names in _SPELLINGS.items() for name in [unit, *names.split()]}
_TEXT = re.compile(r"\\(?:text|textrm|mathrm|mbox|textbf|mathbf|operatorname)\{([^{}]*)\}")
_GLUED: Final = tuple(
    sorted((name for name in _NAMES if name.isalpha() and 2 <= len(name) <= 3), key=len, reverse=True)
)
_NOT_UNITS: Final = frozenset(
    [
        "and",
        "or",
        "to",
        "times",
        "plus",
        "minus",
        "over",
        "mod",
        "if",
        "for",
        "when",
        "where",
        "with",
        "is",
        "are",
        "not",
        "sin",
        "cos",
        "tan",
        "log",
    ]
)
_WORD = r"[^\W\d_]+(?:\^\{?-?\d\}?)?"
_WORDS = re.compile(rf"^(?P<value>.*[\d}})!])\s*(?P<space>\s)(?P<unit>{_WORD}(?:[ /·*]{_WORD}){{0,3}})$")
_SIGN = re.compile(r"^(?P<value>.*[\d})])\s*(?P<sign>\^\\circ|\\?%|‰|€|%)$")
_CURRENCY = re.compile(r"^(?P<minus>-?)(?P<sign>[€£¥])\s*(?P<value>\d.*)$")


def split_unit(text: str) -> tuple[str, str | None]:
    """What stands before the unit, with its scale multiplied in, and the unit's one name; None without a unit."""
    if currency := _CURRENCY.match(text):
        return currency["minus"] + currency["value"], _NAMES.get(currency["sign"], currency["sign"])
    plain = " ".join(_TEXT.sub(r" \1 ", text).split()) if _TEXT.search(text) else text
    if sign := _SIGN.match(plain):
        mark = sign["sign"].lstrip("\\") if "%" in sign["sign"] else sign["sign"]
        if mark in SCALES:
            return _scaled(sign["value"], mark), None
        return sign["value"], _NAMES[mark]
    if words := _WORDS.match(plain):
        return _words(plain, words["value"], words["unit"])
    for name in _GLUED:
        if plain.endswith(name) and plain[: -len(name)][-1:].isdigit():
            return plain[: -len(name)], _NAMES[name]
    return text, None


def _words(text: str, value: str, unit: str) -> tuple[str, str | None]:
    """Scale words first, the rest is the unit; a lone letter that is no unit is a factor."""
    for scale in sorted(SCALES, key=len, reverse=True):
        if unit == scale or unit.startswith(f"{scale} "):
            rest = unit[len(scale) :].strip().removeprefix("of ")
            return _scaled(value, scale), _named(rest) if rest else None
    if set(unit.split()) & _NOT_UNITS or (len(unit) < 3 and unit not in _NAMES):
        return text, None
    return value, _named(unit)


def _named(unit: str) -> str:
    """One spelling of a unit: known names by table, others without the plural's s."""
    words = re.split(r"([ /·*^{}])", unit.replace(" per ", "/"))
    return "".join(_NAMES.get(word, _singular(word)) for word in words if word not in ("{", "}"))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _scaled(value: str, scale: str) -> str:
    return f"({value.strip()})*{SCALES[scale]}"
