"""One number from the scores that several reward models give one candidate, and what becomes of a missing one.

Sources: Coste et al., "Reward Model Ensembles Help Mitigate Overoptimization" (arXiv 2310.02743; code
tlc4418/llm_optimization): mean, worst case (WCO) and uncertainty-weighted (UWO); Eisenstein et al., "Helping or
Herding?" (arXiv 2312.09244): mean and median among others, of scores made comparable per prompt first.
"""

import math
import statistics
from collections.abc import Sequence
from typing import Final, Literal

from strategies.scores.normalise import Normalisation, normalised
from strategies.scores.quantiles import SHARPNESS, Transform, transformed

Rule = Literal["mean", "median", "wco", "uwo", "weighted"]
"""How the members' scores become one; see `combined`."""

Missing = Literal["propagate", "omit"]
"""Where a member has no score for a candidate: the ensemble has none either, or goes by the other members."""

VARIANCE_WEIGHT: Final = 0.5
"""The lambda of UWO that the published Best-of-N code uses."""


def combined(
    members: Sequence[float | None],
    rule: Rule,
    *,
    variance_weight: float = VARIANCE_WEIGHT,
    weights: Sequence[float] | None = None,
    missing: Missing = "propagate",
) -> float | None:
    """The ensemble's score of one candidate from its members' scores; None never wins (`strategies/base/ranking.py`).

    - `mean`, `median`: of the members.
    - `wco`, worst-case optimisation: the lowest.
    - `uwo`, uncertainty-weighted optimisation: mean - `variance_weight` * variance (population, as in the published
      Best-of-N code), so that a candidate on which the members disagree loses.
    - `weighted`: the sum of each score times its weight; `weights` run parallel to `members`.

    A member's None, NaN or infinity is a missing score. With `abstain` it makes the whole None; with `others` it is
    left out (of `weighted` too, whose other weights stay as they are), and the whole is None where all are missing.
    None too where the arithmetic leaves the range of floats.
    """
    present = [
        (score, weight)
        for score, weight in zip(members, weights or [1.0] * len(members), strict=True)
        if score is not None and math.isfinite(score)
    ]
    if not present or (missing == "propagate" and len(present) < len(members)):
        return None
    try:
        value = _value([score for score, _ in present], [w for _, w in present], rule, variance_weight)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def ensemble(
    members: Sequence[Sequence[float | None]],
    rule: Rule,
    *,
    normalisation: Normalisation = "none",
    transform: Transform | None = None,
    sharpness: float = SHARPNESS,
    variance_weight: float = VARIANCE_WEIGHT,
    weights: Sequence[float] | None = None,
    missing: Missing = "propagate",
) -> list[float | None]:
    """The ensemble's scores of all candidates of one prompt: `members[m][c]` is what member m gives candidate c.

    Each member is normalised over the candidates, then, with `transform`, transformed as InfAlign does, which needs
    quantiles; then the members are combined candidate by candidate.
    """
    if transform is not None and normalisation != "quantile":
        raise ValueError("a transformation needs quantiles: normalisation must be quantile")
    scaled = [normalised(scores, normalisation) for scores in members]
    if transform is not None:
        scaled = [
            [None if u is None else transformed(u, transform, sharpness) for u in row] for row in scaled
        ]
    return [
        combined(scores, rule, variance_weight=variance_weight, weights=weights, missing=missing)
        for scores in zip(*scaled, strict=True)
    ]


def _value(scores: list[float], weights: list[float], rule: Rule, variance_weight: float) -> float:
    if rule == "wco":
        return min(scores)
    if rule == "median":
        return statistics.median(scores)
    if rule == "weighted":
        return math.fsum(score * weight for score, weight in zip(scores, weights, strict=True))
    # Exact, unlike a sum of floats: equal members have that mean, and no variance.
    mean = float(statistics.mean(scores))
    return mean if rule == "mean" else mean - variance_weight * float(statistics.pvariance(scores))
