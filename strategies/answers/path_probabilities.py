"""Reasoning pruning and perplexity consistency: which paths count, and how much an answer is worth. Pure.

Source: RPC, arXiv 2502.00511 (also 2510.15444), `compute_rpc.py` of WNJXYK/RPC. A mixture of two Weibull distributions
is fitted to the probabilities of all paths; a path is dropped where the component of low probability is the likelier
one and the path lies below the mean; an answer is worth the sum of the probabilities of its distinct paths.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

MIN_DISTINCT: Final = 8
"""Distinct probabilities from which a mixture of five parameters is fitted; below it nothing is pruned."""

_START: Final = (0.5, 1.0, 1.0, 1.5, 2.0)
_BOUNDS: Final = ((0.2, 0.8), *[(0.01, None)] * 4)


@dataclass(frozen=True, slots=True)
class Weibull:
    """One component: its share of the mixture, its shape k and its scale lambda."""

    share: float
    shape: float
    scale: float

    @property
    def mean(self) -> float:
        return self.scale * math.gamma(1 + 1 / self.shape)

    def density(self, p: float) -> float:
        """Share times density at p > 0."""
        ratio = p / self.scale
        rising = math.pow(ratio, self.shape - 1)
        return self.share * self.shape / self.scale * rising * math.exp(-rising * ratio)


@dataclass(frozen=True, slots=True)
class Mixture:
    """The fit: its component of high probability and that of low probability."""

    high: Weibull
    low: Weibull


def fit(probabilities: Sequence[float]) -> Mixture | None:
    """The mixture of greatest likelihood (L-BFGS-B from the authors' start); None where it cannot be fitted.

    It cannot with fewer than MIN_DISTINCT distinct values, a likelihood that is not finite, or no convergence.
    """
    if len(set(probabilities)) < MIN_DISTINCT or not all(0 < p < math.inf for p in probabilities):
        return None
    import numpy as np
    from scipy.optimize import minimize

    points = np.asarray(probabilities, dtype=np.float64)

    def negative_log_likelihood(parameters: Sequence[float]) -> float:
        w, k1, l1, k2, l2 = parameters
        with np.errstate(all="ignore"):
            one = np.log(w * k1 / l1) + (k1 - 1) * np.log(points / l1) - (points / l1) ** k1
            two = np.log((1 - w) * k2 / l2) + (k2 - 1) * np.log(points / l2) - (points / l2) ** k2
            return -float(np.logaddexp(one, two).sum())

    found = minimize(negative_log_likelihood, _START, method="L-BFGS-B", bounds=_BOUNDS)
    if not found.success or not math.isfinite(found.fun):
        return None
    w, k1, l1, k2, l2 = map(float, found.x)
    one, two = Weibull(w, k1, l1), Weibull(1 - w, k2, l2)
    return Mixture(one, two) if one.mean >= two.mean else Mixture(two, one)


def kept_paths(probabilities: Sequence[float], mixture: Mixture | None) -> list[bool]:
    """Which paths count: all without a fit; never none at all."""
    if mixture is None:
        return [True] * len(probabilities)
    mean = math.fsum(probabilities) / len(probabilities)
    kept = [p >= mean or mixture.high.density(p) >= mixture.low.density(p) for p in probabilities]
    return kept if any(kept) else [True] * len(probabilities)


def answer_probabilities(
    groups: Sequence[Hashable | None],
    texts: Sequence[str],
    probabilities: Sequence[float | None],
    kept: Sequence[bool],
) -> dict[Hashable, float]:
    """The worth of each group: the sum of the probabilities of its distinct paths that are kept.

    A text counts once for each distinct probability that it was drawn with, however often it was drawn. The sequences
    run parallel; None (no answer, no probability) counts for nothing.
    """
    paths: dict[Hashable, set[tuple[str, float]]] = {}
    for group, text, p, counts in zip(groups, texts, probabilities, kept, strict=True):
        if group is not None and p is not None:
            found = paths.setdefault(group, set())
            if counts:
                found.add((text, p))
    return {group: math.fsum(sorted(p for _, p in found)) for group, found in paths.items()}
