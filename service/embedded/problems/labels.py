"""Labels from arithmetic: an answer is right up to the first character that no correct solution could have there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from service.embedded.problems.problems import Problem

_ATOM: Final = re.compile(
    r"(?P<number>\d+(?:,\d{3})*(?:\.\d+)?)|(?P<equals>=)|(?P<operator>(?<![A-Za-z])[-+*/×÷](?![A-Za-z])|(?<=[\d\s])x(?=\s*\d))"
)
_STATED: Final = re.compile(r"answer is:?\s*\$?\s*$", re.IGNORECASE)
_ANSWER: Final = re.compile(r"answer is:?\s*\$?\s*(-?\d+(?:,\d{3})*(?:\.\d+)?)", re.IGNORECASE)
_SAME_OPERATOR: Final = {"x": "*", "×": "*", "÷": "/"}

Kind = Literal["number", "operator", "equals"]


class Atom(NamedTuple):
    """A number, an operator or an equals sign, with its place in the text."""

    kind: Kind
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What arithmetic says about one answer.

    `first_error` is the index of the first impossible character, or None; it may be the text's length, where the text
    ends within a number. `due` holds (index, digit) for each digit of the result where a correct solution has it.
    """

    first_error: int | None
    due: tuple[tuple[int, str], ...]
    answer_is_right: bool


def stated_answer(text: str) -> str | None:
    """The number after the last "answer is", or None: an answer that states none has none."""
    found = _ANSWER.findall(text)
    return found[-1].replace(",", "") if found else None


def read(problem: Problem, text: str) -> Reading:
    """Check every equation, operand and stated answer of `text` against the problem."""
    scan = _Scan(problem, text)
    first_error = next(scan.errors(), None)
    right = stated_answer(text) == str(problem.answer)
    return Reading(first_error, tuple(scan.due), right)


def lines(text: str) -> list[tuple[int, int]]:
    """The steps of an answer as (start, end): its lines that are not blank, the newline itself left out."""
    spans = []
    start = 0
    for line in text.split("\n"):
        if line.strip():
            spans.append((start, start + len(line)))
        start += len(line) + 1
    return spans


def line_is_right(reading: Reading, end: int) -> bool:
    """Whether all up to and with the line that ends before `end` is consistent with a correct solution."""
    return reading.first_error is None or reading.first_error > end


class _Scan:
    """One pass over the atoms of a text; words are ignored, for arithmetic cannot judge them."""

    def __init__(self, problem: Problem, text: str) -> None:
        self.text = text
        self.atoms = [_atom(match) for match in _ATOM.finditer(text)]
        self.result = str(problem.answer)
        self.operator = problem.operator
        left, right = str(problem.left), str(problem.right)
        self.forms = [(left, right)] if problem.operator == "/" else [(left, right), (right, left)]
        self.due: list[tuple[int, str]] = []

    def errors(self) -> Iterator[int]:
        """The errors in order; only the first is sure to be one, since what follows was read as if it were right."""
        at = 0
        while at < len(self.atoms):
            atom = self.atoms[at]
            if atom.kind != "number":
                at += 1
            elif _STATED.search(self.text[: atom.start]):
                yield from self._result(atom)
                at += 1
            elif len(equation := self._equation_atoms(at)) > 1 and equation[1].kind == "operator":
                yield from self._equation(equation)
                at += len(equation)
            else:
                yield from self._number(atom, {self.result, *self.forms[0]})
                at += 1

    def _equation_atoms(self, at: int) -> list[Atom]:
        """Number, operator, number, equals, number, or fewer where the line ends before."""
        newline = self.text.find("\n", self.atoms[at].start)
        line_end = newline if newline >= 0 else len(self.text)
        return [atom for atom in self.atoms[at : at + 5] if atom.start < line_end]

    def _equation(self, atoms: list[Atom]) -> Iterator[int]:
        yield from self._number(atoms[0], {form[0] for form in self.forms})
        if _SAME_OPERATOR.get(atoms[1].text, atoms[1].text) != self.operator:
            yield atoms[1].start
        for place, kind in ((2, "number"), (3, "equals"), (4, "number")):
            if place >= len(atoms):
                return
            if atoms[place].kind != kind:
                yield atoms[place].start
                return
            if place == 2:
                yield from self._number(
                    atoms[2], {form[1] for form in self.forms if form[0] == atoms[0].text}
                )
        yield from self._result(atoms[4])

    def _result(self, atom: Atom) -> Iterator[int]:
        given = self.text[atom.start :]
        self.due += [
            (atom.start + k, digit) for k, digit in enumerate(self.result) if given[:k] == self.result[:k]
        ]
        yield from self._number(atom, {self.result})

    def _number(self, atom: Atom, allowed: set[str]) -> Iterator[int]:
        if atom.text not in allowed:
            yield atom.start + max((_common(atom.text, number) for number in allowed), default=0)


def _atom(match: re.Match[str]) -> Atom:
    kinds: tuple[Kind, ...] = ("number", "operator", "equals")
    kind = next(kind for kind in kinds if match[kind] is not None)
    return Atom(kind, match.group(), match.start())


def _common(one: str, other: str) -> int:
    """The length of the longest common prefix."""
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length
