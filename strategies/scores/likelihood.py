"""How sure a model is of a text that it has read, from its log-probabilities alone: no reward model is needed.

Sources: mean log-probability, the length-normalised likelihood of the search literature (and the `logprob` fall-back
of this service); self-certainty, Kang et al. (arXiv 2502.18581); confidence over the likeliest tokens, Fu et al.,
"Deep Think with Confidence" (arXiv 2508.15260).
"""

import math
from collections.abc import Sequence
from typing import Final, Literal

Likelihood = Literal["mean_logprob", "self_certainty", "confidence"]
"""What of a text's log-probabilities is its score."""

_LEAST_TAIL: Final = 2.0**-24
"""What float32 can tell from 1: log-probabilities of more precision are not to be had from an engine."""


def mean_logprob(logprobs: Sequence[float]) -> float | None:
    """The mean log-probability of a text's tokens in nats, at most 0; None without tokens or where one is NaN."""
    return _mean(logprobs)


def confidence(tops: Sequence[Sequence[float]]) -> float | None:
    """Minus the mean log-probability of the likeliest tokens, averaged over the text: higher is surer.

    `tops[i]` are the log-probabilities of the k likeliest tokens at place i (k = 20 in the paper). Where the model is
    sure of one token the others get next to nothing, and minus their logarithm is large. None without places, where
    a place has no tokens, or where a number is NaN or infinite.
    """
    return _mean([_negative(_mean(row)) for row in tops])


def self_certainty(tops: Sequence[Sequence[float]], vocabulary: int) -> float | None:
    """The Kullback-Leibler divergence of the uniform distribution from the model's, averaged over the text, in nats.

    -(1/V) sum_j log(V p_j) at each place, for a vocabulary of V tokens. `tops[i]` are the log-probabilities of the
    likeliest tokens at place i. With all V of them the value is exact. With fewer, the probability that is left is
    spread evenly over the other tokens, which makes it the least value that agrees with what is known (the logarithm
    is concave); that rest is taken as 2^-24 at least. None as for `confidence`, or if a row is longer than V.
    """
    return _mean([_divergence(row, vocabulary) for row in tops])


def _divergence(row: Sequence[float], vocabulary: int) -> float | None:
    if not row or len(row) > vocabulary:
        return None
    known = math.fsum(row)
    if unknown := vocabulary - len(row):
        tail = max(1.0 - math.fsum(map(math.exp, row)), _LEAST_TAIL)
        known += unknown * math.log(tail / unknown)
    return -known / vocabulary - math.log(vocabulary)


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _mean(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None and math.isfinite(value)]
    if not present or len(present) < len(values):
        return None
    return math.fsum(present) / len(present)
