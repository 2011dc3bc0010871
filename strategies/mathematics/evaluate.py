"""The value of a formula at fixed points: exactly where it is rational, else as complex floats.

Two rational functions that agree at random points are the same but for a negligible chance (Schwartz 1980, Zippel
1979). Sizes are bounded: what would grow beyond them has no exact value here.
"""

import cmath
import math
import operator
import zlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final, cast

from strategies.mathematics.expression import Node

POINTS: Final = 3
_MAX_BITS: Final = 65_536
_MAX_WORK: Final = 400_000
"""Bits of all intermediate results of one formula."""

_OPERATORS: Final[dict[str, Callable[[complex, complex], complex]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_FUNCTIONS: Final[dict[str, Callable[[complex], complex]]] = {
    "sin": cmath.sin,
    "cos": cmath.cos,
    "tan": cmath.tan,
    "ln": cmath.log,
    "exp": cmath.exp,
}
_CONSTANTS: Final[dict[str, complex]] = {"pi": math.pi, "e": math.e, "i": 1j}


class NoValue(ValueError):
    """No value of this kind: irrational, too large, or undefined."""


def exact_values(tree: Node) -> tuple[Fraction, ...] | None:
    """The exact value at each point; None if one is irrational, too large or undefined."""
    try:
        return tuple(_Exact(point).value(tree) for point in range(POINTS))
    except (NoValue, ArithmeticError):
        return None


def float_values(tree: Node) -> tuple[complex, ...] | None:
    """The value at each point in floating point; None if one overflows, underflows or is undefined."""
    try:
        values = tuple(_float(tree, point) for point in range(POINTS))
    except (NoValue, ArithmeticError, ValueError):
        return None
    return values if all(cmath.isfinite(value) for value in values) else None


def _nodes(operands: Sequence[object]) -> Sequence[Node]:
    """The operands of an operation: only a symbol has a name instead."""
    return cast("Sequence[Node]", operands)


def _coordinate(name: str, point: int) -> Fraction:
    """Where a symbol stands: real, of either sign, the same in every process."""
    drawn = zlib.crc32(f"{name}/{point}".encode())
    sign = -1 if point == 1 else 1
    return sign * Fraction(drawn % 49_999 + 50_021, 65_537)


class _Exact:
    """Rational arithmetic at one point, with a bound on its work."""

    def __init__(self, point: int) -> None:
        self._point = point
        self._work = 0

    def value(self, node: Node) -> Fraction:
        if isinstance(node, Fraction):
            return node
        operation, *operands = node
        if operation == "symbol":
            [name] = operands
            if name in _CONSTANTS:
                raise NoValue(name)
            return _coordinate(str(name), self._point)
        value = self._applied(str(operation), [self.value(operand) for operand in _nodes(operands)])
        self._work += _bits(value)
        if self._work > _MAX_WORK:
            raise NoValue("too much work")
        return value

    def _applied(self, operation: str, values: list[Fraction]) -> Fraction:
        if operation == "+":
            return values[0] + values[1]
        if operation == "-":
            return values[0] - values[1]
        if operation == "*":
            return values[0] * values[1]
        if operation == "/":
            return values[0] / values[1]
        if operation == "abs":
            return abs(values[0])
        if operation == "!":
            return _factorial(values[0])
        if operation == "^":
            return _power(*values)
        if operation == "sqrt":
            return _root(*values)
        raise NoValue(operation)


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or not 0 <= value <= 3000:
        raise NoValue("factorial")
    return Fraction(math.factorial(value.numerator))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raised = _power(base, Fraction(exponent.numerator)) if base > 0 else None
        if raised is None:
            raise NoValue("root of what is not positive")
        return _root(raised, Fraction(exponent.denominator))
    if _bits(base) * abs(exponent) > _MAX_BITS or (base == 0 and exponent <= 0):
        raise NoValue("power")
    return base**exponent.numerator


def _root(value: Fraction, degree: Fraction) -> Fraction:
    """The root of a power of rationals; a square root only of what is not negative."""
    if degree == 2 and value >= 0:
        root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
    elif degree.denominator == 1 and 2 < degree <= 64 and value > 0 and _bits(value) < 512:
        n = degree.numerator
        root = Fraction(round(value.numerator ** (1 / n)), round(value.denominator ** (1 / n)))
    else:
        raise NoValue("root")
    if root**degree.numerator != value:
        raise NoValue("irrational")
    return root


def _float(node: Node, point: int) -> complex:
    if isinstance(node, Fraction):
        return _normal(complex(float(node)), node == 0)
    operation, *operands = node
    if operation == "symbol":
        [name] = operands
        constant = _CONSTANTS.get(str(name))
        return complex(float(_coordinate(str(name), point))) if constant is None else constant
    values = [_float(operand, point) for operand in _nodes(operands)]
    return _applied(str(operation), values)


def _applied(operation: str, values: list[complex]) -> complex:
    if operation in _OPERATORS:
        return _OPERATORS[operation](*values)
    if operation in _FUNCTIONS:
        return _FUNCTIONS[operation](values[0])
    if operation == "abs":
        return complex(abs(values[0]))
    if operation == "sqrt" and not (values[0].real < 0 and values[1] != 2):
        return complex(_normal(values[0] ** (1 / values[1]), values[0] == 0))
    if operation == "^":
        return complex(_normal(values[0] ** values[1], values[0] == 0))
    if operation == "!" and values[0].imag == 0 and 0 <= values[0].real <= 170:
        return complex(math.gamma(values[0].real + 1))
    raise NoValue(operation)


def _normal(value: complex, may_vanish: bool) -> complex:
    """A value that underflowed has lost itself: no value."""
    if abs(value) < 1e-300 and not may_vanish:
        raise NoValue("underflow")
    return value
