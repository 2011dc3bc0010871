"""The paper's top-H in float64 over whole sorted rows: no window, nothing shared with the fast code, on any device."""

import torch
from torch import Tensor

TOLERANCE = 1e-6


def exact_mask(logits: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """What is kept, bool [rows, vocabulary], and by how much the bound is missed, least of each row (relative).

    Where the second is near the rounding of single precision, a mask may differ by the token at the bound.
    """
    values, ids = logits.double().sort(dim=1, descending=True, stable=True)
    log_p = values.log_softmax(1)
    p = log_p.exp()
    mass = p.cumsum(1)
    # A probability that underflows adds nothing; 0 * -inf would be NaN.
    partial = torch.where(p > 0, p * log_p, 0).cumsum(1)
    entropies = mass.log() - partial / mass
    bound = alpha * -partial[:, -1:] * (1 + TOLERANCE)
    keep = ((entropies > bound).cumsum(1) == 0) & (p > 0)
    keep[:, 0] = True
    margin = ((entropies - bound).abs() / bound.clamp(min=1e-300))[:, 1:].amin(1)
    return torch.zeros_like(keep).scatter_(1, ids, keep), margin
