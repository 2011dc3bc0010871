"""A formula as a tree: LaTeX or plain arithmetic in one small grammar; what is ambiguous or unknown is not read.

A node is a number, or a tuple of its operator and its operands: ("symbol", name), ("+", a, b), ("sqrt", a, n), ...
"""

import re
from fractions import Fraction
from typing import Final

Node = Fraction | tuple[object, ...]

MAX_LENGTH: Final = 1024
_MAX_DEPTH: Final = 40
_MAX_EXPONENT: Final = 4000
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4}(?![\d.]))?)"
    r"|(?P<command>\\[a-zA-Z]+)|(?P<letter>[a-zA-Z](?:_(?:[a-zA-Z0-9]|\{[a-zA-Z0-9]+\}))?)|(?P<sign>[-+*/^!(){}\[\]|]))"
)
_WORD = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}")
_GREEK: Final = frozenset(
    rf"\{name}"
    for name in [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "theta",
        "lambda",
        "mu",
        "nu",
        "rho",
        "sigma",
        "tau",
        "phi",
        "omega",
        "varphi",
    ]
)
_FUNCTIONS: Final = frozenset({r"\sin", r"\cos", r"\tan", r"\ln", r"\exp"})
_TIMES: Final = frozenset({"*", r"\cdot", r"\times"})
_DIVIDE: Final = frozenset({"/", r"\div"})


class Unreadable(ValueError):
    """The text is none of the grammar's formulas, or may be read in two ways."""


def parse(text: str) -> Node:
    """The tree of a formula; Unreadable if it has none."""
    if len(text) > MAX_LENGTH or _WORD.search(text):
        raise Unreadable("too long, or a word, which would be a product of letters")
    return _Parser(_tokens(text)).whole()


def _tokens(text: str) -> list[str]:
    tokens, at, text = [], 0, text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Unreadable(text[at : at + 20])
        tokens.append(found[0].strip())
        at = found.end()
    return tokens


def number(token: str) -> Fraction:
    """The exact value of a decimal as it is written, with its exponent."""
    digits, _, exponent = token.partition("e")
    if abs(int(exponent or 0)) > _MAX_EXPONENT:
        raise Unreadable(token)
    return Fraction(digits.rstrip(".") if digits.endswith(".") else digits) * Fraction(10) ** int(
        exponent or 0
    )


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        tree = self._sum()
        if self._next():
            raise Unreadable(self._next())
        return tree

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, expected: str | None = None) -> str:
        token = self._next()
        if not token or expected not in (None, token):
            raise Unreadable(token)
        self._at += 1
        return token

    def _sum(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unreadable("too deep")
        tree = self._signed()
        while self._next() in ("+", "-"):
            tree = (self._take(), tree, self._product())
        self._depth -= 1
        return tree

    def _signed(self) -> Node:
        if self._next() == "+":
            self._take()
        elif self._next() == "-":
            self._take()
            return ("-", Fraction(0), self._product())
        return self._product()

    def _product(self) -> Node:
        first = self._at
        tree = self._power()
        if self._is_mixed(first):
            tree = ("+", tree, self._power())
        divided = False
        while token := self._next():
            if token in _TIMES:
                self._take()
                tree, divided = ("*", tree, self._factor()), False
            elif token in _DIVIDE:
                self._take()
                tree, divided = ("/", tree, self._factor()), token == "/"
            elif self._starts_factor(token) and not divided:
                tree = ("*", tree, self._power())
            else:
                break
        return tree

    def _factor(self) -> Node:
        if self._next() == "-":
            self._take()
            return ("-", Fraction(0), self._power())
        return self._power()

    def _is_mixed(self, first: int) -> bool:
        """An integer right before a fraction of integers, as in 2\\frac{1}{2}: a sum."""
        following = "".join(self._tokens[self._at : self._at + 7])
        return (
            self._at == first + 1
            and self._tokens[first].isdecimal()
            and re.match(r"\\frac\{\d+\}\{\d+\}", following) is not None
        )

    def _starts_factor(self, token: str) -> bool:
        if token[0].isdigit() or token[0] == ".":
            # Two numbers side by side are two numbers, but a closing bracket or a letter may stand before one.
            return not self._tokens[self._at - 1][-1].isdigit()
        return (
            token in ("(", "{") or token[0].isalpha() or (token[0] == "\\" and token not in _TIMES | _DIVIDE)
        )

    def _power(self) -> Node:
        tree = self._atom()
        while self._next() == "!":
            tree = (self._take(), tree)
        if self._next() == "^":
            self._take()
            tree = ("^", tree, self._exponent())
            if self._next() in ("^", "!"):
                raise Unreadable(self._next())
        return tree

    def _exponent(self) -> Node:
        if self._next() == "-":
            self._take()
            return ("-", Fraction(0), self._atom())
        return self._atom()

    def _atom(self) -> Node:
        token = self._take()
        if token[0].isdigit() or token[0] == ".":
            return number(token)
        if token in ("(", "{"):
            return self._closed(")" if token == "(" else "}")
        if token == "|":
            return ("abs", self._closed("|"))
        if token[0].isalpha() or token in _GREEK:
            return ("symbol", token.replace("{", "").replace("}", ""))
        return self._command(token)

    def _command(self, token: str) -> Node:
        if token == r"\pi":
            return ("symbol", "pi")
        if token == r"\frac":
            return ("/", self._argument(), self._argument())
        if token == r"\sqrt":
            degree: Node = Fraction(2)
            if self._next() == "[":
                self._take()
                degree = self._closed("]")
            return ("sqrt", self._argument(), degree)
        if token in _FUNCTIONS and self._next() not in ("^", "!"):
            return (token[1:], self._argument())
        raise Unreadable(token)

    def _argument(self) -> Node:
        """What follows a command: a group, a letter, or one digit, as TeX reads it."""
        token = self._next()
        if token.isdecimal() and len(token) > 1:
            self._tokens[self._at : self._at + 1] = [token[0], token[1:]]
        return self._atom()

    def _closed(self, bracket: str) -> Node:
        tree = self._sum()
        self._take(bracket)
        return tree
