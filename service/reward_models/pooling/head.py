"""From the raw logits at one token to a score: which row of the head, and what is applied to it."""

import math
from dataclasses import dataclass
from typing import Literal

from service.reward_models.base.errors import PoolingFailed
from service.reward_models.base.ports import Logits

Activation = Literal["none", "sigmoid", "softmax"]


@dataclass(frozen=True, slots=True)
class Head:
    """The score is row `label` of the head: the raw logit, its sigmoid, or its softmax share of all rows.

    Raw logits (`none`) compare within one prompt only; a step head trained as a yes/no question has one row and
    takes `sigmoid`, or one row a class and takes `softmax` (Qwen2.5-Math-PRM: two, the second is "right").
    """

    label: int = 0
    activation: Activation = "none"

    def value(self, row: Logits) -> float:
        """The score; PoolingFailed if any logit of the row is NaN or infinite, for then nothing in it is sound."""
        if not all(map(math.isfinite, row)):
            raise PoolingFailed(f"the model returned {list(row)}, which is no score", "not_finite")
        if self.activation == "sigmoid":
            return _sigmoid(row[self.label])
        if self.activation == "softmax":
            return _softmax_share(row, self.label)
        return row[self.label]


def _sigmoid(logit: float) -> float:
    # Written on both sides of zero so that exp never overflows.
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    return math.exp(logit) / (1 + math.exp(logit))


def _softmax_share(row: Logits, label: int) -> float:
    largest = max(row)
    weights = [math.exp(logit - largest) for logit in row]
    return weights[label] / math.fsum(weights)
