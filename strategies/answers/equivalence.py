"""Groups whose answers are equal as mathematics become one: checked between groups only, merged in a fixed order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from strategies.answers.canonical import MAX_MATHEMATICS
from strategies.answers.extract import Answer
from strategies.answers.groups import group_ids, group_sizes
from strategies.base.ports import Equivalence

MAX_GROUPS: Final = 64
"""Groups compared with each other, the largest first: 2,016 pairs."""

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
_INTEGER = re.compile(r"-?\d+")
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
    """The group of each answer: equal keys first, then what `equivalence` calls the same, both ways and in chains.

    Checks are asked between groups, so their number does not depend on how many candidates there are. Which groups
    merge does not depend on the order of the checks: the groups are the connected components of "the same".
    """
    groups = group_ids([None if answer is None else answer.key for answer in answers])
    compared, left_out = _compared(answers, groups)
    pairs = [(a, b) for a, b in combinations(compared, 2) if _may_be_same(answers, a, b)]
    texts = [(_text(answers, a), _text(answers, b)) for a, b in pairs]
    verdicts = await equivalence.same(texts) if texts else []
    numbers = [group for group in groups if group is not None]
    root = _components(max(numbers, default=-1) + 1, groups, pairs, verdicts)
    merged = group_ids([None if group is None else str(root[group]) for group in groups])
    return Merged(tuple(merged), left_out or any(verdict is None for verdict in verdicts))


def is_mathematics(text: str) -> bool:
    """Whether a symbolic check may be asked about a text: formulas, not words, which would be products of letters."""
    if not text.strip() or len(text.encode()) > MAX_MATHEMATICS or '"' in text:
        return False
    bare = _COMMAND.sub(" ", text)
    words = {word.lower() for word in _WORD.findall(bare)}
    return words <= _FUNCTIONS and _SIGN.search(text.strip(" $")) is not None


def _compared(answers: Sequence[Answer | None], groups: Sequence[int | None]) -> tuple[list[int], bool]:
    """The first member of each group to compare, largest group first, and whether there were too many."""
    sizes = group_sizes(groups)
    firsts = {group: i for i, group in reversed(list(enumerate(groups))) if group is not None}
    ordered = sorted(firsts.values(), key=lambda i: (-sizes[i], i))
    formulas = [i for i in ordered if is_mathematics(_text(answers, i))]
    return formulas[:MAX_GROUPS], len(formulas) > MAX_GROUPS


def _may_be_same(answers: Sequence[Answer | None], a: int, b: int) -> bool:
    """Two integers with different keys are different numbers: no need to ask."""
    keys = [answer.key for answer in (answers[a], answers[b]) if answer is not None]
    return not all(_INTEGER.fullmatch(key) for key in keys)


def _text(answers: Sequence[Answer | None], i: int) -> str:
    answer = answers[i]
    return "" if answer is None else answer.text


def _components(
    count: int,
    groups: Sequence[int | None],
    pairs: Sequence[tuple[int, int]],
    verdicts: Sequence[bool | None],
) -> list[int]:
    """The lowest group that each group is connected with."""
    root = list(range(count))

    def find(group: int) -> int:
        while root[group] != group:
            root[group] = root[root[group]]
            group = root[group]
        return group

    for (a, b), verdict in zip(pairs, verdicts, strict=True):
        first, second = groups[a], groups[b]
        if verdict and first is not None and second is not None:
            low, high = sorted((find(first), find(second)))
            root[high] = low
    return [find(group) for group in range(count)]
