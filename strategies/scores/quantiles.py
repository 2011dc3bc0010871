"""Scores as quantiles of the generator's own answers, and the transformation that Best-of-N asks for.

Source: InfAlign (Balashankar et al., arXiv 2412.19792). A reward is calibrated by the chance that the answer beats
another answer of the same generator to the same prompt; ties count one half. There the chance is estimated from
answers drawn beforehand, here from the candidates of the request.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final, Literal

Transform = Literal["best_of_n", "worst_of_n"]
"""What the calibrated score is transformed for; see `transformed`."""

SHARPNESS: Final = 10.0
"""The t of the exponential transformation; 10 as reported of the paper, whose own text we have not read for it."""


def calibrated(score: float | None, drawn: Sequence[float | None]) -> float | None:
    """The mid-rank quantile of `score` among `drawn`, in [0, 1]: (those below + half of those equal) / all.

    The empirical distribution function with ties at one half. Scores that are None, NaN or infinite are not counted,
    and have no quantile; neither has a score where nothing is left to compare it with.
    """
    ordered = sorted(value for value in drawn if value is not None and math.isfinite(value))
    return _quantile(score, ordered)


def quantiles(scores: Sequence[float | None]) -> list[float | None]:
    """Each score calibrated against all of them, itself included; parallel to `scores`.

    Nothing but the order matters, so scores of any scale, offset or spread become comparable.
    """
    ordered = sorted(value for value in scores if value is not None and math.isfinite(value))
    return [_quantile(score, ordered) for score in scores]


def transformed(quantile: float, transform: Transform, sharpness: float = SHARPNESS) -> float:
    """The exponential transformation of a calibrated score `u` in [0, 1], which rises with it for either transform.

    `best_of_n`: exp(t u), which tells the best answers apart most; `worst_of_n`: -exp(-t u), which tells the worst
    apart most (against the lowest of N). `sharpness` is the t > 0 of the paper. It never changes the order of one
    scorer's answers, but it does what is made of several: a mean over members, a sum over equal answers.
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"a quantile is between 0 and 1, and {quantile} is not")
    if transform == "best_of_n":
        return math.exp(sharpness * quantile)
    return -math.exp(-sharpness * quantile)


def _quantile(score: float | None, ordered: Sequence[float]) -> float | None:
    if score is None or not math.isfinite(score) or not ordered:
        return None
    below, up_to = bisect_left(ordered, score), bisect_right(ordered, score)
    return (below + up_to) / (2 * len(ordered))
