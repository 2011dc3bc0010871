"""Numbers in text, read whole: sign, thousands, decimals, exponent, fraction, scale word, percent, compound units.

What is part of a time, a date, a ratio or a version is no number of its own. A comma groups thousands and is never a
decimal point: "3,5" is read whole, as it stands. Thousands may also be grouped by a space or an apostrophe. Digits of
other scripts and full-width digits are digits; the minus signs of Unicode are one.
"""

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Final

SCALES: Final = {
    "hundred": 100,
    "thousand": 1_000,
    "million": 1_000_000,
    "billion": 1_000_000_000,
    "trillion": 1_000_000_000_000,
}
_MAX_EXPONENT: Final = 300
_GROUPS = r"\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?:['’]\d{3})+(?!\d)|\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+(?!\d)"
_DECIMAL = rf"(?:(?:{_GROUPS}|\d+)(?:\.\d+)?|\.\d+)(?:e[-+]?\d{{1,4}}(?![\d.]))?"
_SCALE = rf"(?: (?:{'|'.join(SCALES)})\b)"

NUMBER: Final = re.compile(rf"[-+]?{_DECIMAL}{_SCALE}?", re.IGNORECASE)
"""One number, after `ascii_digits`; used with `fullmatch`."""

_UNIT = (
    r"(?:years?|yrs?|months?|weeks?|days?|hours?|hrs?|h|minutes?|mins?|min|seconds?|secs?|s|feet|foot|ft|inch(?:es)?"
    r"|in|yards?|yd|miles?|mi|km|m|cm|mm|pounds?|lbs?|lb|ounces?|oz|kg|g|dollars?|cents?|°|′|″)"
)
_DATE = r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}(?P<mark>[./-])\d{1,2}(?P=mark)\d{2,4}"
_NO_NUMBER = rf"{_DATE}|\d+(?::\d+)+(?:\s?[ap]\.?m\b)?|v?\d+(?:\.\d+){{2,}}"
_COMPOUND = rf"{_DECIMAL}\s?{_UNIT}(?:,? (?:and )?{_DECIMAL}\s?{_UNIT}(?![^\W_]))+"
_FRACTION = r"(?:\d+ )?\d+/\d+(?![/\d])"
_COMMAS = r"\d+(?:,\d+)+"
_TOKEN = re.compile(
    rf"(?P<none>(?<![\w.])(?:{_NO_NUMBER})(?![\w]))"
    rf"|(?P<number>(?:(?<![\w)\]])[-+])?(?:{_COMPOUND}|{_FRACTION}|{_DECIMAL}(?![,\d]){_SCALE}?|{_COMMAS}|{_DECIMAL})"
    r"(?:\s?\\?%)?)",
    re.IGNORECASE,
)
_SIGNS: Final = str.maketrans(
    {"−": "-", "﹣": "-", "－": "-", "＋": "+", "．": ".", "，": ",", "٫": ".", "٬": ","}
)


def ascii_digits(text: str) -> str:
    """The text with digits of every script, and the signs around them, as those of ASCII."""
    if text.isascii():
        return text
    plain = text.translate(_SIGNS)
    return "".join(str(unicodedata.decimal(sign, sign)) if not sign.isascii() else sign for sign in plain)


def last_number(text: str) -> str | None:
    """The last number in the text, whole; None where it holds none."""
    found = None
    for token in _TOKEN.finditer(ascii_digits(text)):
        found = token["number"] or found
    return found


def leading_number(text: str) -> str | None:
    """The number that a text begins with, whole; None where it begins with none, or with part of something else."""
    token = _TOKEN.match(text)
    return token["number"] if token else None


def plain_number(number: str) -> str:
    """The digits of a number: no thousands, exponent or scale word, no needless zeros, never "-0"."""
    body, _, scale = (
        number.lower().strip().partition(" ") if number.lower().endswith(tuple(SCALES)) else (number, "", "")
    )
    digits = re.sub(r"[,'’ \u00a0\u2009\u202f]", "", body if scale else number)
    try:
        value = Decimal(digits.lower()) * SCALES.get(scale.strip(), 1)
    except InvalidOperation:
        return number
    if value != 0 and abs(value.adjusted()) > _MAX_EXPONENT:
        return number.lower()
    plain = f"{value:f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain
