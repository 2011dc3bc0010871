"""Groups whose answers are equal as mathematics become one: each is held to one representative, so none chain.

What is rational is compared exactly, here; only answers whose values agree, or that are not read here, are asked about.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from strategies.answers.extract import Answer
from strategies.answers.groups import group_ids, group_sizes
from strategies.base.ports import Equivalence
from strategies.mathematics.near import NearIndex
from strategies.mathematics.reading import Reading, effort, for_checking, is_opaque, read
from strategies.text.canonical import MAX_MATHEMATICS

MAX_GROUPS: Final = 64
"""How many answers that are not read here are compared, each with as many representatives: the largest."""

MAX_EFFORTS: Final = 8192
"""The most that all answers of a request may cost to be read (`strategies.mathematics.reading.effort`)."""

MAX_ROUNDS: Final = 8
"""Times that answers are asked about: once for each different answer among those whose values agree."""

_COMMAND = re.compile(r"\\[a-zA-Z]+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_FUNCTIONS: Final = {
    "sin",
    "cos",
    "tan",
    "cot",
    "sec",
    "csc",
    "log",
    "exp",
    "sqrt",
    "inf",
    "mod",
    "max",
    "min",
}
_SIGN = re.compile(r"[\d\\^_=+*/<>|(]|^-?[a-zA-Z]{1,2}$")


@dataclass(frozen=True, slots=True)
class Undecided:
    """An equivalence that decides nothing: for where there is nobody to ask."""

    async def same(self, pairs: Sequence[tuple[str, str]]) -> Sequence[bool | None]:
        return [None] * len(pairs)


@dataclass(frozen=True, slots=True)
class Merged:
    """Group numbers after merging; `undecided` if a check found no answer in time, and so did not merge."""

    groups: tuple[int | None, ...]
    undecided: bool = False


async def merge(answers: Sequence[Answer | None], equivalence: Equivalence) -> Merged:
    """The group of each answer: equal keys first, then equal values, then what `equivalence` calls the same.

    Every member of a group is equal to its representative. A unit is left out where only one side has it: of one
    value with several units each unit is a group, and those without join the largest.
    """
    groups = group_ids([None if answer is None else answer.key for answer in answers])
    sizes = group_sizes(groups)
    firsts = {group: i for i, group in reversed(list(enumerate(groups))) if group is not None}
    ordered = sorted(firsts, key=lambda group: (-sizes[firsts[group]], firsts[group]))
    keys = {group: _key(answers, firsts[group]) for group in ordered}
    classes = _Classes(await _readings(keys), keys, equivalence)
    for group in ordered:
        classes.place_exact(group)
    await classes.place([group for group in ordered if classes.is_inexact(group)])
    unread = [group for group in ordered if classes.readings[group] is None and is_mathematics(keys[group])]
    await classes.place_unread(unread, ordered)
    counts = {group: sizes[first] for group, first in firsts.items()}
    named = classes.with_units(ordered, counts)
    merged = group_ids([None if group is None else str(named[group]) for group in groups])
    return Merged(tuple(merged), classes.undecided)


def is_mathematics(text: str) -> bool:
    """Whether a symbolic check may be asked about a text: formulas, not words, which would be products of letters."""
    if not text.strip() or len(text.encode()) > MAX_MATHEMATICS or '"' in text or is_opaque(text):
        return False
    bare = _COMMAND.sub(" ", text)
    words = {word.lower() for word in _WORD.findall(bare)}
    return not words - _FUNCTIONS and _SIGN.search(text.strip(" $")) is not None


async def _readings(keys: Mapping[int, str]) -> dict[int, Reading | None]:
    """The normal form of each answer; once they have cost MAX_EFFORTS together, the rest is not read here."""
    left, readings = MAX_EFFORTS, dict[int, Reading | None]()
    for group, key in keys.items():
        left -= effort(key)
        # Other requests have a turn between two answers.
        await asyncio.sleep(0)
        readings[group] = _read(key) if left >= 0 else None
    return readings


def _read(key: str) -> Reading | None:
    """The normal form of an answer, if every part has a value to compare."""
    reading = None if '"' in key or len(key) > MAX_MATHEMATICS else read(key)
    known = reading is not None and all(part.exact or part.floats for part in reading.parts)
    return reading if known else None


def _key(answers: Sequence[Answer | None], i: int) -> str:
    answer = answers[i]
    return "" if answer is None else answer.key


@dataclass(slots=True)
class _Classes:
    """Groups of equal value: the representative of each group, filled in from the surest comparison to the least."""

    readings: dict[int, Reading | None]
    keys: dict[int, str]
    equivalence: Equivalence
    of: dict[int, int] = field(default_factory=dict)
    undecided: bool = False
    _exact: dict[object, int] = field(default_factory=dict)

    def place_exact(self, group: int) -> None:
        """A group with an exact value joins the first of the same."""
        reading = self.readings[group]
        if reading is not None and reading.exact is not None:
            self.of[group] = self._exact.setdefault(reading.exact, group)

    def is_inexact(self, group: int) -> bool:
        return self.readings[group] is not None and group not in self.of

    async def place(self, waiting: list[int]) -> None:
        """Groups that are read but irrational: asked about only where the values at all points agree."""
        index = NearIndex()
        for group in dict.fromkeys(self.of.values()):
            index.add(group, self.readings[group])
        near = {group: index.near(self.readings[group]) for group in waiting}
        await self._join(near)
        waiting = [group for group in waiting if group not in self.of]
        for _ in range(MAX_ROUNDS):
            chosen, near = NearIndex(), {}
            for group in waiting:
                near[group] = chosen.near(self.readings[group])
                if not near[group]:
                    self.of[group] = group
                    chosen.add(group, self.readings[group])
            await self._join({group: others for group, others in near.items() if others})
            waiting = [group for group in waiting if group not in self.of]
        self._leave(waiting)

    async def place_unread(self, waiting: list[int], ordered: Sequence[int]) -> None:
        """Formulas that are not read here: the largest are asked about, against the largest of all classes."""
        known = [group for group in ordered if self.of.get(group) == group and self._is_asked(group)]
        self.undecided |= bool(waiting) and max(len(waiting), len(known)) > MAX_GROUPS
        waiting = waiting[:MAX_GROUPS]
        await self._join(dict.fromkeys(waiting, known[:MAX_GROUPS]))
        waiting = [group for group in waiting if group not in self.of]
        while waiting:
            first, *waiting = waiting
            self.of[first] = first
            await self._join({group: [first] for group in waiting})
            waiting = [group for group in waiting if group not in self.of]

    def _is_asked(self, group: int) -> bool:
        reading = self.readings[group]
        return reading is not None and reading.unit is None and is_mathematics(self.keys[group])

    def _leave(self, waiting: Sequence[int]) -> None:
        self.undecided |= bool(waiting)
        self.of.update({group: group for group in waiting})

    async def _join(self, near: dict[int, list[int]]) -> None:
        """Each group joins the first of the representatives near it that it is equal to in every part."""
        asked = {
            (group, other): self._pairs(group, other) for group, others in near.items() for other in others
        }
        texts = list(dict.fromkeys(pair for pairs in asked.values() for pair in pairs))
        verdicts = dict(zip(texts, await self.equivalence.same(texts) if texts else [], strict=True))
        for (group, other), pairs in asked.items():
            found = [verdicts[pair] for pair in pairs]
            if group not in self.of and all(found):
                self.of[group] = other
            self.undecided |= None in found and False not in found

    def _pairs(self, group: int, other: int) -> list[tuple[str, str]]:
        """What to ask: the parts that are not known to be equal, or the whole of what is not read."""
        one, two = self.readings[group], self.readings[other]
        if one is None or two is None:
            return [(for_checking(self.keys[other]), for_checking(self.keys[group]))]
        parts = [
            (b, a) for a, b in zip(one.parts, two.parts, strict=True) if a.exact is None or a.exact != b.exact
        ]
        pairs = [(for_checking(b.text), for_checking(a.text)) for b, a in parts]
        return [(b, a) for b, a in pairs if a != b]

    def with_units(self, ordered: Sequence[int], counts: dict[int, int]) -> dict[int, tuple[int, str | None]]:
        """The class and the unit of each group; one without a unit takes that of most, of equally many the first."""
        votes: dict[int, dict[str, int]] = {}
        for group in ordered:
            reading, own = self.readings[group], self.of.setdefault(group, group)
            if reading is not None and reading.unit is not None:
                units = votes.setdefault(own, {})
                units[reading.unit] = units.get(reading.unit, 0) + counts[group]
        return {group: (self.of[group], self._unit(group, votes)) for group in ordered}

    def _unit(self, group: int, votes: dict[int, dict[str, int]]) -> str | None:
        reading, units = self.readings[group], votes.get(self.of[group], {})
        if reading is not None and reading.unit is not None:
            return reading.unit
        return max(units, key=lambda unit: units[unit], default=None)
