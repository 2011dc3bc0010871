"""The order of candidates, in one place: valid, then scored, then higher score, larger group, lower index."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from strategies.base.types import Candidate


@dataclass(frozen=True, slots=True)
class Ranking:
    """Positions best first, and the rule that parted the first two where their scores did not."""

    order: tuple[int, ...]
    tie: str | None = None


def rank(
    candidates: Sequence[Candidate], scores: Sequence[float | None], group_sizes: Sequence[int] | None = None
) -> Ranking:
    """Rank candidates by score. All three sequences run parallel; failed and empty candidates come last.

    A score of None or NaN never beats a number. An invalid candidate never beats a valid one, whatever its score.
    """
    sizes = group_sizes if group_sizes is not None else [0] * len(candidates)
    keys = [_key(*row) for row in zip(candidates, scores, sizes, strict=True)]
    order = sorted(range(len(candidates)), key=keys.__getitem__)
    return Ranking(tuple(order), _tie(keys, order))


def is_number(score: float | None) -> bool:
    """A score that can win: neither missing nor NaN."""
    return score is not None and not math.isnan(score)


_Key = tuple[int, bool, float, int, int]


def _key(candidate: Candidate, score: float | None, group_size: int) -> _Key:
    value = score if score is not None and is_number(score) else None
    return (_rank_of_state(candidate), value is None, -(value or 0.0), -group_size, candidate.index)


def _rank_of_state(candidate: Candidate) -> int:
    if candidate.is_valid:
        return 0
    if candidate.is_empty or candidate.finish_reason == "error":
        return 2
    return 1


def _tie(keys: Sequence[_Key], order: Sequence[int]) -> str | None:
    if len(order) < 2 or keys[order[0]][:3] != keys[order[1]][:3]:
        return None
    return "group_size" if keys[order[0]][3] != keys[order[1]][3] else "index"
