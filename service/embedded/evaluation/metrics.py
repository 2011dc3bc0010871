"""Figures of selection: accuracies over problems, areas under the curve, and intervals by resampling problems."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

_RESAMPLES: Final = 1000


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """The chance that a right one scores above a wrong one, ties counting half; NaN where one kind is missing."""
    pairs = sorted(zip(scores, labels, strict=True))
    right = sum(labels)
    wrong = len(labels) - right
    if not right or not wrong:
        return float("nan")
    rank_sum = 0.0
    at = 0
    while at < len(pairs):
        end = at
        while end < len(pairs) and pairs[end][0] == pairs[at][0]:
            end += 1
        # Equal scores share the mean of their ranks.
        rank_sum += sum(label for _, label in pairs[at:end]) * (at + end + 1) / 2
        at = end
    return (rank_sum - right * (right + 1) / 2) / (right * wrong)


def majority(answers: Sequence[str | None]) -> str | None:
    """The answer given most often; the first given wins a tie, and no answer casts no vote."""
    votes = Counter(answer for answer in answers if answer is not None)
    return max(votes, key=votes.__getitem__, default=None)


def best(scores: Sequence[float], answers: Sequence[str | None]) -> str | None:
    """The answer of the highest score among those that state one; the first wins a tie."""
    stated = [index for index, answer in enumerate(answers) if answer is not None]
    return answers[max(stated, key=scores.__getitem__)] if stated else None


def interval(
    items: Sequence[T], figure: Callable[[Sequence[T]], float], seed: int = 0
) -> tuple[float, float]:
    """The 95 % interval of a figure under resampling of the items."""
    rng = random.Random(seed)
    values = sorted(figure(rng.choices(items, k=len(items))) for _ in range(_RESAMPLES))
    return values[round(0.025 * (_RESAMPLES - 1))], values[round(0.975 * (_RESAMPLES - 1))]
