"""Whether a vote is decided: no way in which the candidates still running could vote changes who is returned."""

from collections.abc import Hashable, Mapping


def is_settled(
    ballots: Mapping[int, Hashable | None], n: int, k: int = 1, *, may_merge: bool = False
) -> bool:
    """Whether the `k` winners, their order and their representatives are certain before all `n` have voted.

    `ballots` maps the index of each candidate that ended to its group, None where it has no answer. A group's place
    is its size, then its first member, which also represents it; so a candidate that runs under a lower index than a
    winner's first could still replace it. Without `may_merge` the condition is exact: it holds if and only if every
    way to vote gives the same result. With `may_merge` groups may later turn out to be one, and it is sufficient:
    the winner has more than all others together and no index before its first, so no merger passes it.
    """
    waiting = [index for index in range(n) if index not in ballots]
    if not waiting:
        return True
    order = _order(ballots)
    if len(order) < k or any(first > waiting[0] for _, first in order[:k]):
        return False
    if may_merge:
        others = [index for index, group in ballots.items() if group is not None]
        return k == 1 and -2 * order[0][0] > len(others) + len(waiting) and order[0][1] == min(others)
    return _cannot_be_passed(order, k, waiting)


_Place = tuple[int, int]
"""Minus the size of a group, and its first member: lower is better."""


def _order(ballots: Mapping[int, Hashable | None]) -> list[_Place]:
    members: dict[Hashable, list[int]] = {}
    for index, group in ballots.items():
        if group is not None:
            members.setdefault(group, []).append(index)
    return sorted((-len(indices), min(indices)) for indices in members.values())


def _cannot_be_passed(order: list[_Place], k: int, waiting: list[int]) -> bool:
    """Whether each of the first `k` stays ahead of the next even if all who are waiting join that one, or a new one."""
    best = [(size - len(waiting), min(first, waiting[0])) for size, first in order[1 : k + 1]]
    newcomer = (-len(waiting), waiting[0])
    leaders = order[:k]
    return all(lead < chaser for lead, chaser in zip(leaders, best, strict=False)) and leaders[-1] < newcomer
