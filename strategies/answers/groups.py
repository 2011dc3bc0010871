"""Groups of equal answers, their rewards, and the order of groups: higher reward, then larger, then first."""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from strategies.base.ranking import is_number
from strategies.base.types import Vote

Reward = Literal["mean", "sum", "max"]
"""How the scores of a group's members become its reward."""


def group_ids(answers: Sequence[str | None]) -> list[int | None]:
    """The group of each answer, numbered by first appearance; None (no answer) belongs to none."""
    seen: dict[str, int] = {}
    return [None if answer is None else seen.setdefault(answer, len(seen)) for answer in answers]


def group_sizes(groups: Sequence[int | None]) -> list[int]:
    """How many share each member's group; 0 for those that belong to none."""
    counts: dict[int | None, int] = {}
    for group in groups:
        counts[group] = counts.get(group, 0) + 1
    return [0 if group is None else counts[group] for group in groups]


def votes(
    answers: Sequence[str | None],
    groups: Sequence[int | None],
    rewards: Mapping[int, float | None] | None = None,
) -> tuple[Vote, ...]:
    """The groups, largest first; of equal size, the one that appeared first. `rewards` are by group."""
    sizes = group_sizes(groups)
    first = {g: i for i, g in reversed(list(enumerate(groups))) if g is not None}
    tally = [Vote(g, answers[i] or "", sizes[i], (rewards or {}).get(g)) for g, i in first.items()]
    return tuple(sorted(tally, key=lambda vote: (-vote.count, vote.group)))


@dataclass(frozen=True, slots=True)
class Group:
    """Candidates with one answer: `members` are their positions, ascending; `reward` is None without scores."""

    number: int
    members: tuple[int, ...]
    reward: float | None = None

    @property
    def size(self) -> int:
        return len(self.members)


def grouped(
    groups: Sequence[int | None], scores: Sequence[float | None], reward: Reward = "mean"
) -> list[Group]:
    """The groups in order of first appearance, each with its reward. The sequences run parallel."""
    members: dict[int, list[int]] = {}
    for position, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(position)
    return [
        Group(number, tuple(positions), group_reward([scores[i] for i in positions], reward))
        for number, positions in members.items()
    ]


def group_reward(scores: Sequence[float | None], how: Reward) -> float | None:
    """The reward of a group from its members' scores; a score that is missing or NaN counts for nothing.

    `mean` is the rule of Best-of-Majority (arXiv 2510.03199, `grader.py` of jkx19/PassAtK); `sum` that of weighted
    voting (search-and-learn, `utils/math.py`); `max` gives a group the score of its best member. None where no
    member has a score. Rounded once, so the order of the members does not matter; beyond the range of a float it is
    the largest float, since no reward is infinite.
    """
    numbers = [score for score in scores if score is not None and is_number(score)]
    if not numbers:
        return None
    total = max(numbers) if how == "max" else _sum(numbers)
    value = total / len(numbers) if how == "mean" else total
    return None if math.isnan(value) else min(max(value, -sys.float_info.max), sys.float_info.max)


@dataclass(frozen=True, slots=True)
class GroupRanking:
    """Groups best first, and the rule that parted the first two where their rewards did not."""

    order: tuple[Group, ...]
    tie: str | None = None


def rank_groups(groups: Sequence[Group]) -> GroupRanking:
    """Higher reward first, those without one last; then the larger group; then the one that appeared first."""
    order = sorted(groups, key=_key)
    return GroupRanking(tuple(order), tie(order))


def rank_by_size(groups: Sequence[Group]) -> GroupRanking:
    """The larger group first; of equal size the one of higher reward, those without one last; then the first."""
    order = sorted(groups, key=lambda group: (-group.size, _negative(group.reward), group.members[0]))
    if len(order) < 2 or order[0].size != order[1].size:
        return GroupRanking(tuple(order))
    return GroupRanking(tuple(order), "index" if order[0].reward == order[1].reward else "reward")


def tie(order: Sequence[Group]) -> str | None:
    """The rule that parted the first two of equal reward; a vote without rewards is tied only at equal sizes."""
    if len(order) < 2 or order[0].reward != order[1].reward:
        return None
    if order[0].size == order[1].size:
        return "index"
    return None if order[0].reward is None else "group_size"


def representative(group: Group, scores: Sequence[float | None]) -> int:
    """The position of its highest-scoring member; of equal scores, and without any, of the first."""
    return min(group.members, key=lambda i: (_negative(scores[i]), i))


_LAST: Final = (True, 0.0)


def _key(group: Group) -> tuple[tuple[bool, float], int, int]:
    return (_negative(group.reward), -group.size, group.members[0])


def _negative(score: float | None) -> tuple[bool, float]:
    """A sort key that puts the highest number first and what is no number last."""
    return (False, -score) if score is not None and is_number(score) else _LAST


def _sum(numbers: Sequence[float]) -> float:
    """Exact but for one rounding; beyond the range of a float as plain addition has it."""
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError):
        return sum(numbers)
