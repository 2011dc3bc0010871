"""One number from the scores of an answer's steps: pure, the same for any engine, and a NaN is never lost."""

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Final, Literal

Aggregation = Literal["last", "min", "mean", "product", "max", "weighted"]
"""How step scores become one number; see `aggregate`."""

SOFTMIN_TEMPERATURE: Final = 0.1
"""The temperature of `weighted`, that of PURE's own code (CJReinforce/PURE, `experience_maker.py`): made for scores
that are probabilities, or differences of two."""


def aggregate(steps: Sequence[float], how: Aggregation) -> float | None:
    """The score of an answer from the scores of its steps; None where there are no steps or one of them is NaN.

    - `last`: the score of the last step, which has read all of them. The default of search-and-learn
      (`search/best_of_n.py`) and the rule for an outcome head that is read at every step.
    - `min`: the weakest step; a chain is as good as its worst link. The rule of dPRM (arXiv 2510.00492).
    - `product`: the probability that every step is right, if the steps are independent probabilities.
      search-and-learn calls it `prod`. On raw logits it means nothing: two bad steps would make a good answer.
    - `mean`: the average step. Multi-RM (arXiv 2510.00492) averages its generative verdicts this way.
    - `max`: the best step; of use as a bound, since one good step hides all the bad ones.
    - `weighted`: the mean with weights softmax(-score / T), T = 0.1, so that weak steps count most: a minimum that
      does not forget the other steps. The return of PURE (arXiv 2504.15275). On raw logits it is all but the minimum.

    Infinite steps follow the arithmetic of IEEE 754; where that gives NaN (a mean of inf and -inf, a product of
    inf and 0) the result is None too. `mean` is rounded once, so it does not depend on the order of the steps.
    """
    rule = _RULES[how]
    if not steps or any(map(math.isnan, steps)):
        return None
    value = float(rule(steps))
    return None if math.isnan(value) else value


def _last(steps: Sequence[float]) -> float:
    return steps[-1]


def _weighted(steps: Sequence[float]) -> float:
    least = min(steps)
    # Infinities would turn the shares below into NaN; the limits are plain.
    if math.isinf(least):
        return least
    # A step counts e times less for each T that it lies above the weakest, so no exponent here is above zero.
    weights = [math.exp((least - step) / SOFTMIN_TEMPERATURE) for step in steps]
    excess = math.fsum(weight * (step - least) for weight, step in zip(weights, steps, strict=True) if weight)
    return least + excess / math.fsum(weights)


_RULES: Final[dict[Aggregation, Callable[[Sequence[float]], float]]] = {
    "last": _last,
    "min": min,
    "mean": statistics.mean,  # exact, unlike sum(): the mean of equal steps is that step
    "product": math.prod,
    "max": max,
    "weighted": _weighted,
}
