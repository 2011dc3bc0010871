"""Top-H as published: the longest prefix of the sorted tokens whose renormalised entropy is at most alpha * H(p).

Source: arXiv 2509.02510 (NeurIPS 2025), algorithms 1 and 2. With C = sum p and S = sum p log p over a prefix, its
entropy is log C - S / C, which grows with every token: the tokens kept are a prefix, and a window of the likeliest
settles it unless the bound lies beyond.
"""

from typing import Final

import torch
from torch import Tensor

from strategies.decoding.top_tokens import window

TOLERANCE: Final = 1e-6
"""Share by which a prefix may pass the bound: about what single precision loses over a vocabulary."""

# Far below what a probability can show in single precision, and still a number when multiplied by zero.
_FLOOR: Final = -1e4
# Elements of one temporary: on a CPU larger ones leave the cache.
_AT_ONCE: Final = {"cpu": 1 << 19}
_AT_ONCE_ELSEWHERE: Final = 1 << 25


def paper_prefix(logits: Tensor, alpha: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids [rows, n], which of them are kept, and which rows are settled by a window of `n` tokens.

    `logits` are float32 [rows, vocabulary] after temperature, `alpha` [rows]; an alpha of 1 keeps every token.
    A row that is not settled goes on beyond the window, or holds something that is not a logit.
    """
    values, ids = window(logits, n)
    entropy = _entropy(logits, values[:, :1], ids[:, :1])
    bound = torch.where(alpha < 1, alpha * entropy * (1 + TOLERANCE), torch.inf)
    entropies, weights = _prefixes(values)
    keep = ((entropies > bound[:, None]).cumsum(1) == 0) & (weights > 0)
    keep[:, 0] = True
    settled = entropy.isfinite()
    if n < logits.shape[1]:
        # A token equal to the last of the window may have equals outside, with lower ids.
        settled &= ~(keep & (values == values[:, -1:])).any(1)
    return ids, keep, settled


def _entropy(logits: Tensor, top: Tensor, top_id: Tensor) -> Tensor:
    """H(p) of each row over the whole vocabulary, in nats, float64; NaN where a logit is NaN or +inf.

    `top` and `top_id` [rows, 1] are the largest logit and its token. H = -log p(top) - sum p (x - x(top)): all terms
    have one sign, so none cancels another, and a row that is nearly sure of its token keeps its digits.
    """
    rows = max(1, _AT_ONCE.get(logits.device.type, _AT_ONCE_ELSEWHERE) // logits.shape[1])
    parts = zip(logits.split(rows), top.split(rows), top_id.split(rows), strict=True)
    p_top, others, below_top = map(torch.cat, zip(*(_sums(*part) for part in parts), strict=True))
    return (others.double() / p_top[:, 0]).log1p() - below_top.double()


def _sums(logits: Tensor, top: Tensor, top_id: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of each row: p(top) [rows, 1], the sum of all other p, and the sum of p (x - x(top))."""
    below = (logits - top).clamp_(min=_FLOOR)
    p = logits.softmax(1)
    p_top = p.gather(1, top_id)
    others = p.scatter_(1, top_id, 0).sum(1)
    return p_top, others, p.mul_(below).sum(1)


def _prefixes(values: Tensor) -> tuple[Tensor, Tensor]:
    """Of the sorted `values`: the entropy of each prefix, renormalised, in nats, and each p / p(top); float64."""
    below = (values - values[:, :1]).double().clamp_(min=_FLOOR)
    weights = below.exp()
    others = weights[:, 1:].cumsum(1)
    entropies = others.log1p() - (weights * below)[:, 1:].cumsum(1) / (1 + others)
    return torch.nn.functional.pad(entropies, (1, 0)), weights
