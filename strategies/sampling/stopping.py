"""When a vote may stop: rules on how many candidates gave each answer so far. Pure.

Sources: `beta` as in adaptive-consistency (arXiv 2305.11860) and its_hub's BetaSelfConsistency; `window` is
early-stopping self-consistency (arXiv 2401.10480); `agreement` its_hub's AdaptiveSelfConsistency. The expected
improvement of one more draw is Mockus' criterion as in the tutorial arXiv 1807.02811.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import Literal

Stop = Literal["decided", "beta", "agreement", "window", "none"]
Waves = Literal["all", "double"] | int

MIN_SCORES = 4
"""Scores from which a mean and a deviation are estimated before the expected improvement is believed."""


def lead_probability(counts: Sequence[int]) -> float:
    """P(theta > 1/2) for theta ~ Beta(v1 + 1, v2 + 1) over the two largest groups: that the leader stays ahead.

    For whole numbers it is sum_{j <= v1} C(v1 + v2 + 1, j) / 2^(v1 + v2 + 1). Without any answer it is 1/2.
    """
    first, second = sorted([*counts, 0, 0], reverse=True)[:2]
    total = first + second + 1
    return float(sum(math.comb(total, j) for j in range(first + 1)) / 2**total)


def agreement_of(counts: Sequence[int]) -> float:
    """The share of the largest group among the candidates that have an answer; 0 without any."""
    return max(counts) / sum(counts) if counts else 0.0


def is_unanimous(answers: Sequence[Hashable | None], window: int) -> bool:
    """Whether the last `window` candidates with an answer gave the same one."""
    last = [answer for answer in answers if answer is not None][-window:]
    return len(last) == window and len(set(last)) == 1


def expected_improvement(scores: Sequence[float]) -> float:
    """What one more draw is expected to add to the best score, if scores are normal: s (phi(z) - z (1 - Phi(z))).

    z = (best - mean) / s with the sample deviation s; 0 where all scores are equal. Infinite below MIN_SCORES scores.
    """
    if len(scores) < MIN_SCORES:
        return math.inf
    mean = math.fsum(scores) / len(scores)
    deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / (len(scores) - 1))
    if deviation == 0:
        return 0.0
    z = (max(scores) - mean) / deviation
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return deviation * (density - z * math.erfc(z / math.sqrt(2)) / 2)


def certainty(
    stop: Stop, answers: Sequence[Hashable | None], *, confidence: float, agreement: float, window: int
) -> float | None:
    """How sure the rule is, where it stops: `beta` a probability, `agreement` a share, `window` 1; else None.

    `answers` are those of the candidates that ended, None where one has no answer; a stop counts answers only, and
    `agreement` wants two of them.
    """
    counts = list(Counter(answer for answer in answers if answer is not None).values())
    if stop == "beta" and (sure := lead_probability(counts)) >= confidence:
        return sure
    if stop == "agreement" and sum(counts) > 1 and (share := agreement_of(counts)) >= agreement:
        return share
    if stop == "window" and is_unanimous(answers, window):
        return 1.0
    return None


def wave_sizes(n: int, waves: Waves) -> Iterator[int]:
    """How many candidates each wave adds: all, 2 and then as many as there are (2, 2, 4, 8, ...), or a fixed number."""
    drawn = 0
    while drawn < n:
        size = n if waves == "all" else max(2, drawn) if waves == "double" else waves
        size = min(size, n - drawn)
        yield size
        drawn += size
