"""Scores of one scorer for one prompt, made comparable with another scorer's: by z-score or by quantile.

A reward model trained on comparisons is free up to a constant of the prompt, so before an order statistic or a variance
over several models means anything, each has to be normalised ("Helping or Herding?", arXiv 2312.09244, section 3).
"""

import math
from collections.abc import Sequence
from typing import Literal

from strategies.scores.quantiles import quantiles

Normalisation = Literal["none", "zscore", "quantile"]
"""How one scorer's scores of one prompt are put on a common scale; see `normalised`."""


def normalised(scores: Sequence[float | None], how: Normalisation) -> list[float | None]:
    """The scores of one prompt's candidates on a common scale, parallel to `scores`.

    - `none`: as they are.
    - `zscore`: (score - mean) / standard deviation over the candidates (population, as numpy has it); where all are
      equal each is 0, which is how far it stands from the mean.
    - `quantile`: the mid-rank quantile in [0, 1] (`strategies/scores/quantiles.py`).

    A score that is None, NaN or infinite is None, and does not touch the others.
    """
    finite = [score if score is not None and math.isfinite(score) else None for score in scores]
    if how == "none":
        return finite
    return quantiles(finite) if how == "quantile" else _zscores(finite)


def _zscores(scores: Sequence[float | None]) -> list[float | None]:
    present = [score for score in scores if score is not None]
    # Told apart first: rounding the mean would give equal scores a spread, and then a z-score of 1.
    if not present or min(present) == max(present):
        return [None if score is None else 0.0 for score in scores]
    # z-scores have neither scale nor offset: a power of two keeps squares from overflowing, and counting from the
    # least score keeps what little tells close scores apart from being rounded away.
    exponent = math.frexp(max(map(abs, present)))[1]
    scaled = [math.ldexp(score, -exponent) for score in present]
    gaps = [value - min(scaled) for value in scaled]
    mean = math.fsum(gaps) / len(gaps)
    deviation = math.sqrt(math.fsum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    values = iter([(gap - mean) / deviation for gap in gaps])
    return [None if score is None else next(values) for score in scores]
