"""Top-H as its published code has it: partial sums of -p log p against alpha times their sum over the top 100.

Neither renormalises the tokens kept, as the paper does; the two differ in what p is. Sources: `TopHLogitsWarper` of
transformers (`generation/logits_process.py`), and `logit_processor.py` of ErfanBaghaei/Top-H-Decoding, whose
comparison reduces to this one.
"""

from typing import Final

import torch
from torch import Tensor

from strategies.decoding.top_h_paper import TOLERANCE
from strategies.decoding.top_tokens import window

TOP: Final = 100
"""Tokens that are looked at: the rest are never kept."""


def transformers_prefix(logits: Tensor, alpha: Tensor, n: int = TOP) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids [rows, 100], which are kept, and which rows held only logits; p is renormalised within the top 100.

    Bit for bit what `TopHLogitsWarper` keeps, so its operations stand here in its order and precision.
    """
    values, ids = logits.topk(min(TOP, logits.shape[1]), dim=1)
    log_p = values - values.logsumexp(1, keepdim=True)
    p = log_p.softmax(1)
    entropy = -(log_p.clamp(min=torch.finfo(log_p.dtype).min) * p).sum(1)
    # Where a probability underflows to zero the sum is NaN, which is not below the bound.
    keep = (-p * p.log()).cumsum(1) <= (entropy * alpha)[:, None]
    keep[:, 0] = True
    return ids, keep, _are_logits(values)


def authors_prefix(logits: Tensor, alpha: Tensor, n: int = TOP) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids [rows, 100], which are kept, and which rows held only logits; p is over the whole vocabulary.

    The authors' code fails where a probability underflows to zero or alpha is 1; here such a token adds nothing.
    """
    values, ids = window(logits, TOP)
    sums = torch.special.entr(logits.softmax(1).gather(1, ids).double()).cumsum(1)
    keep = (sums <= alpha[:, None] * sums[:, -1:] * (1 + TOLERANCE)) & (values > -torch.inf)
    keep[:, 0] = True
    return ids, keep, _are_logits(values)


def _are_logits(values: Tensor) -> Tensor:
    """False for rows with a NaN or +inf, which sort first."""
    return values[:, 0] < torch.inf
