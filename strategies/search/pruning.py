"""Who goes on, who is rejected, how often a survivor is forked, and when a search is over: pure rules on scores."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from strategies.base.ranking import is_number

_ROUNDING = 1e-9
"""A share that is one over an integer must keep the whole number that it means: 49 times 1/49 is less than 1."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Positions that go on, best first, and those that do not; `threshold` is the lowest score that goes on."""

    kept: tuple[int, ...]
    rejected: tuple[int, ...]
    threshold: float | None = None


def decide(scores: Sequence[float | None], keep: int, sizes: Sequence[int] | None = None) -> Decision:
    """Keep the `keep` best of the candidates still being written: higher score, larger group, lower position.

    A score of None or NaN never beats a number. Where no candidate has a number there is nothing to decide by, and
    all go on. `sizes` are the sizes of the candidates' groups.
    """
    if not any(map(is_number, scores)):
        return Decision(tuple(range(len(scores))), ())
    larger_first = [-size for size in sizes] if sizes is not None else range(len(scores))
    order = sorted(range(len(scores)), key=lambda i: (*_worth(scores[i]), larger_first[i], i))
    kept, rejected = tuple(order[:keep]), tuple(sorted(order[keep:]))
    numbers = [score for i in kept if (score := scores[i]) is not None and is_number(score)]
    return Decision(kept, rejected, min(numbers, default=None))


def _worth(score: float | None) -> tuple[bool, float]:
    return (False, -score) if score is not None and is_number(score) else (True, 0.0)


def survivors_of_step(beams: int, width: int, missing: int = 1) -> int:
    """How many candidates go on at a step: N // M, but one at least, and as many as answers are `missing`."""
    return max(1, beams // width, missing)


def survivors_of_share(active: int, share: float, missing: int = 1) -> int:
    """How many candidates go on at a checkpoint: a share of those still being written, with the same floors."""
    return max(1, math.floor(active * share + _ROUNDING), missing)


def copies(survivors: int, beams: int, width: int) -> int:
    """Into how many each survivor is expanded: M, but never more than N in all."""
    return max(1, min(width, beams // max(survivors, 1)))


def is_over(answers: int, enough: int, active: int) -> bool:
    """A search ends with enough finished answers, or with nobody left to go on."""
    return answers >= enough or active == 0
