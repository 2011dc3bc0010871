"""Groups of equal answers, and the majority among them."""

from collections.abc import Sequence

from strategies.base.types import Vote


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


def votes(answers: Sequence[str | None], groups: Sequence[int | None]) -> tuple[Vote, ...]:
    """The groups, largest first; of equal size, the one that appeared first."""
    sizes = group_sizes(groups)
    first = {g: i for i, g in reversed(list(enumerate(groups))) if g is not None}
    tally = [Vote(group=g, answer=answers[i] or "", count=sizes[i]) for g, i in first.items()]
    return tuple(sorted(tally, key=lambda vote: (-vote.count, vote.group)))
