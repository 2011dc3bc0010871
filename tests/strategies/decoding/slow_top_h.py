"""Two of the rules as loops over one row in double precision: slow, obvious, sharing nothing with the fast ones."""

import math
from collections.abc import Iterator, Sequence

TOLERANCE = 1e-6


def slow_top_h(logits: Sequence[float], alpha: float, variant: str) -> set[int]:
    """Token ids kept by `paper` or `authors`; NaN counts as -inf, and of equal logits the lower id comes first."""
    row = [-math.inf if math.isnan(x) else min(x, 1e30) for x in logits]
    order = sorted(range(len(row)), key=lambda i: (-row[i], i))
    if row[order[0]] == -math.inf:
        return {order[0]}
    rule = _paper if variant == "paper" else _authors
    return rule([row[i] for i in order], order, alpha)


def _paper(row: list[float], order: list[int], alpha: float) -> set[int]:
    entropies = list(_prefix_entropies(row))
    bound = alpha * entropies[-1] * (1 + TOLERANCE)
    kept = {order[0]}
    for token, entropy in zip(order[1:], entropies[1:], strict=False):
        if entropy > bound and alpha < 1:
            break
        kept.add(token)
    return kept


def _prefix_entropies(row: list[float]) -> Iterator[float]:
    """Of each prefix of tokens with a probability. With weights w = p/p(top), H = log sum w - (sum w log w) / sum w."""
    yield 0.0
    others = w_log_w = 0.0
    for x in row[1:]:
        weight = math.exp(max(x - row[0], -1e4))
        if weight == 0:
            return
        others += weight
        w_log_w += weight * (x - row[0])
        # log(1 + others), which keeps the digits of a row that is nearly sure of its token.
        yield math.log1p(others) - w_log_w / (1 + others)


def _authors(row: list[float], order: list[int], alpha: float) -> set[int]:
    looked_at = [(token, p) for token, p in zip(order, _softmax(row), strict=True) if p > 0][:100]
    bound = alpha * -math.fsum(p * math.log(p) for _, p in looked_at) * (1 + TOLERANCE)
    kept = {order[0]}
    partial = 0.0
    for token, p in looked_at:
        partial -= p * math.log(p)
        if token != order[0] and partial > bound:
            break
        kept.add(token)
    return kept


def _softmax(row: list[float]) -> list[float]:
    weights = [math.exp(max(x - row[0], -1e4)) for x in row]
    total = math.fsum(weights)
    return [weight / total for weight in weights]
