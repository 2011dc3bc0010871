"""An answer read as mathematics: its kind, its parts, each with its value, and its unit; None where it is not read.

The normal form decides what is equal: a percentage is its value, "x = 5" is 5, a list without brackets is a set,
"1 < x < 2" is the interval (1,2), and a matrix is its entries whatever stands around them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from strategies.mathematics.evaluate import exact_values, float_values
from strategies.mathematics.expression import Unreadable, number, parse
from strategies.mathematics.units import split_unit

Exact = tuple[Fraction | str, ...]

_SPELLINGS: Final = {
    "−": "-",
    "–": "-",
    "×": r"\times ",
    "·": r"\cdot ",
    "÷": r"\div ",
    "π": r"\pi ",
    "∞": r"\infty ",
    "°": r"^\circ",
    r"^{\circ}": r"^\circ",
    r"\degree": r"^\circ",
    "≤": r"\leq ",
    "≥": r"\geq ",
    "²": "^2",
    "³": "^3",
    "∪": r"\cup ",
    "{,}": "",
    r"\mathbb{r}": r"\mathbb{R}",
    r"\lvert": "|",
    r"\rvert": "|",
    r"\langle": "(",
    r"\rangle": ")",
    r"\bar": r"\overline",
}
_ROOT = re.compile(r"√\s*(?:\{([^{}]*)\}|\(([^()]*)\)|(\d+(?:\.\d+)?|[a-z]))")
_PLAIN_FUNCTION = re.compile(r"(?<![\\a-z])(sqrt|sin|cos|tan|ln|exp)(?=[({])")
_REPEATING = re.compile(
    r"(?<![\d.])(?P<whole>\d*)\.(?P<once>\d*)(?:\\overline\{?(?P<bar>\d+)\}?|\((?P<round>\d+)\))"
)
_BASE = re.compile(
    r"^(?P<sign>-?)\(?(?P<digits>\d[0-9a-z]*|[a-z][0-9a-z]+)\)?_(?:\{\(?(\d{1,2})\)?\}|(\d{1,2}))$"
)
_DECIMAL = re.compile(r"(?<![\d.a-z])(?:\d+\.\d*|\.\d+|\d+(?=e))(?:e[+-]?\d+)?(?![\d.])")
_MATRIX = re.compile(r"^\\begin\{([pb]?)matrix\}(.*)\\end\{\1matrix\}$", re.DOTALL)
_ASSIGNED = re.compile(r"^(?:[a-z](?:_\{?\w+\}?)?|[a-z]\([a-z]\))(?:=|\\in(?![a-z]))\s*([^=<>]+)$")
_CHAIN = re.compile(r"^([^<>=]+)(<=?|\\leq?(?![a-z]))\s*[a-z](<=?|\\leq?(?![a-z]))\s*([^<>=]+)$")
_HALF = re.compile(r"^[a-z]\s*(<=?|>=?|\\[lg]eq?(?![a-z]))\s*([^<>=]+)$")
_INFINITE = re.compile(r"^([+-]?)\s*\\infty$")


MAX_EFFORT: Final = 256
"""The most that one answer may cost to be read: 16 factorials or large powers, or 256 small ones."""
_LARGE: Final = 16
_LARGE_POWER = re.compile(r"\^\{?-?\d{3,}")


def effort(answer: str) -> int:
    """A bound on the work of reading an answer, before it is read: factorials and large powers make large numbers."""
    large = answer.count("!") + len(_LARGE_POWER.findall(answer))
    return large * _LARGE + answer.count("^")


@dataclass(frozen=True, slots=True)
class Part:
    """One formula: its exact values where it is rational, its values as floats where they are in range."""

    text: str
    exact: Exact | None
    floats: tuple[complex, ...] | None


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer's normal form but for its parts' values."""

    kind: str
    parts: tuple[Part, ...]
    unit: str | None = None

    @property
    def exact(self) -> tuple[str, tuple[Exact, ...]] | None:
        """What is equal for equal answers and different for different ones; None if some part is irrational."""
        values = tuple(part.exact for part in self.parts if part.exact is not None)
        return (self.kind, values) if len(values) == len(self.parts) else None


def spelled(text: str) -> str:
    """An answer in plain LaTeX: signs of Unicode, roots, repeating decimals and plain functions as commands."""
    for sign, command in _SPELLINGS.items():
        text = text.replace(sign, command)
    text = _ROOT.sub(lambda m: rf"\sqrt{{{m[1] or m[2] or m[3]}}}", text)
    return _REPEATING.sub(_repeating, _PLAIN_FUNCTION.sub(r"\\\1", text)).strip()


def for_checking(text: str) -> str:
    """An answer as the symbolic check is to see it: decimals as exact fractions, angles as numbers."""
    plain = _DECIMAL.sub(_fraction, spelled(text))
    return plain.replace(r"^\circ", r"\cdot\frac{\pi}{180}")


def read(answer: str) -> Reading | None:
    """The normal form of an answer's key; None where it is not mathematics, of no kind known here, or too much work."""
    if effort(answer) > MAX_EFFORT:
        return None
    try:
        return _structure(spelled(answer), 0)
    except (Unreadable, ValueError, RecursionError):
        return None


def is_opaque(answer: str) -> bool:
    """Whether a symbolic check would misread the answer: a base that it drops, two sets of units."""
    return re.search(r"(?<![a-z_{])\d\)?_", answer) is not None


def _structure(text: str, depth: int) -> Reading:
    if depth > 3:
        raise Unreadable(text)
    if stated := _ASSIGNED.match(text):
        return _structure(stated[1].strip(), depth + 1)
    if matrix := _MATRIX.match(text):
        return _matrix(matrix[2])
    if chain := _CHAIN.match(text):
        opened, closed = "[" if _closes(chain[2]) else "(", "]" if _closes(chain[3]) else ")"
        return Reading(opened + closed, (_part(chain[1]), _part(chain[4])))
    if half := _HALF.match(text):
        return _half_line(half[1], half[2])
    return _listed(text)


def _listed(text: str) -> Reading:
    """A set, a tuple or an interval by its brackets, a list without any, or one formula and its unit."""
    if text.startswith(r"\{") and text.endswith(r"\}"):
        return _set(_split(text[2:-2]))
    if text[:1] in ("(", "[") and text[-1:] in (")", "]") and len(items := _split(text[1:-1])) > 1:
        return Reading(text[0] + text[-1], tuple(_part(item) for item in items))
    if len(items := _split(text)) > 1:
        return _set(items)
    if text.startswith(r"\pm"):
        return _set([text[3:], f"-({text[3:]})"])
    value, unit = split_unit(text)
    return Reading("number", (_part(value),), unit)


def _set(items: Sequence[str]) -> Reading:
    """Parts in the order of their values, each once where that is known exactly."""
    parts = {part.exact or part.text: part for part in (_part(item) for item in items)}
    return Reading("set", tuple(sorted(parts.values(), key=_place)))


def _place(part: Part) -> tuple[str, list[tuple[float, float]], str]:
    if part.floats is None:
        return str(part.exact), [], part.text if part.exact is None else ""
    return "", [(float(f"{value.real:.9g}"), float(f"{value.imag:.9g}")) for value in part.floats], ""


def _matrix(inside: str) -> Reading:
    rows = [row.split("&") for row in re.split(r"\\\\", inside.strip().removesuffix(r"\\"))]
    if len({len(row) for row in rows}) != 1:
        raise Unreadable(inside)
    return Reading(f"matrix {len(rows)}x{len(rows[0])}", tuple(_part(cell) for row in rows for cell in row))


def _half_line(sign: str, bound: str) -> Reading:
    closed = _closes(sign)
    if sign.startswith((">", r"\g")):
        return Reading("[)" if closed else "()", (_part(bound), _part(r"\infty")))
    return Reading("(]" if closed else "()", (_part(r"-\infty"), _part(bound)))


def _closes(sign: str) -> bool:
    return sign.endswith("=") or sign.startswith((r"\le", r"\ge"))


def _split(text: str) -> list[str]:
    """The items between commas that stand in no bracket."""
    items, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign in ",;" and depth == 0:
            items.append(text[start:at])
            start = at + 1
    return [*items, text[start:]]


def _part(text: str) -> Part:
    text = text.strip()
    if infinite := _INFINITE.match(text):
        return Part(text, (f"{infinite[1].strip('+')}infinity",), None)
    if based := _BASE.match(text):
        text = based["sign"] + str(int(based["digits"], int(based[3] or based[4])))
    tree = parse(text.replace(r"^\circ", r"*\pi/180"))
    exact = exact_values(tree)
    return Part(text, exact, float_values(tree))


def _repeating(match: re.Match[str]) -> str:
    """0.1\\overline{6} is (16 - 1) / 90."""
    whole, once, again = match["whole"] or "0", match["once"], match["bar"] or match["round"]
    value = Fraction(int(whole + once + again) - int(whole + once), 10 ** len(once) * (10 ** len(again) - 1))
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}"


def _fraction(match: re.Match[str]) -> str:
    try:
        value = number(match[0])
    except Unreadable:
        return match[0]
    if value.denominator == 1:
        return str(value.numerator)
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
