"""Top-H truncation: of each row keep the likeliest tokens whose entropy stays within a share alpha of the row's own.

Source: arXiv 2509.02510 (NeurIPS 2025). The paper's rule and the code published with it are different algorithms, so
the rule is named: `paper`, `transformers` or `authors`. In each the likeliest token is always kept, and NaN counts as
-inf. In `paper` the lower token id comes first among equal logits; in the others their order is left open.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from strategies.base.types import TopHVariant
from strategies.decoding.top_h_paper import paper_prefix
from strategies.decoding.top_h_published import authors_prefix, transformers_prefix

_Rule = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor | None, Tensor]]
_RULES: Final[Mapping[TopHVariant, _Rule]] = {
    "paper": paper_prefix,
    "transformers": transformers_prefix,
    "authors": authors_prefix,
}
# Nearly every row is settled by the first; a row of many likely tokens needs more, a flat one needs all.
_WINDOWS: Final = (32, 128, 1024)
_LARGEST: Final = 1e30

FUSED_ON: Final = ["cuda"]
"""Devices on which a kernel reads the first window of the paper's rule, where Triton is there."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Token ids [rows, n] and which of them are kept (None: all), of the given rows (None: of all)."""

    rows: Tensor | None
    ids: Tensor
    keep: Tensor | None


def keep_mask(logits: Tensor, alpha: Tensor | float, variant: TopHVariant = "paper") -> Tensor:
    """Which tokens may be drawn: bool [rows, vocabulary].

    `logits` are [rows, vocabulary] after temperature; `alpha` in (0, 1] is one number, or one a row.
    """
    mask = torch.zeros_like(logits, dtype=torch.bool)
    for part in _kept(logits, alpha, variant):
        keep = torch.ones_like(part.ids, dtype=torch.bool) if part.keep is None else part.keep
        if part.rows is None:
            mask.scatter_(1, part.ids, keep)
        else:
            mask[part.rows] = torch.zeros_like(mask[part.rows]).scatter_(1, part.ids, keep)
    return mask


def restrict_(
    logits: Tensor,
    alpha: Tensor | float,
    variant: TopHVariant = "paper",
    temperature: Tensor | None = None,
) -> None:
    """Set the tokens that may not be drawn to -inf, in place; the others keep their values.

    `temperature` [rows] is for logits that have not been divided by it yet: the tokens are chosen as if they had.
    """
    scaled = logits if temperature is None else logits / temperature[:, None]
    first, *again = _kept(scaled, alpha, variant)
    untouched = [logits[part.rows] for part in again]
    _write(logits, first)
    for part, rows in zip(again, untouched, strict=True):
        logits[part.rows] = _write(rows, part)


def _write(logits: Tensor, part: _Kept) -> Tensor:
    """Filling the rows and putting back what is kept takes one pass less than comparing and masking."""
    values = logits.gather(1, part.ids)
    if part.keep is not None:
        values.masked_fill_(~part.keep, -torch.inf)
    return logits.fill_(-torch.inf).scatter_(1, part.ids, values)


def _kept(logits: Tensor, alpha: Tensor | float, variant: TopHVariant) -> list[_Kept]:
    """What is kept of all rows, then, again and better, of the rows that the window before did not settle."""
    logits = logits.float()
    if not isinstance(alpha, Tensor):
        # Filled there: a number copied to a GPU would wait for it.
        alpha = torch.full((len(logits),), alpha, dtype=torch.float32, device=logits.device)
    alpha = alpha.to(logits.device, torch.float32).expand(len(logits))
    parts: list[_Kept] = []
    rows = None
    for n in (*_WINDOWS, logits.shape[1]):
        rule = _RULES[variant] if parts else _first_rule(logits, variant)
        ids, keep, settled = rule(logits, alpha, n)
        parts.append(_Kept(rows, ids, keep))
        # Asked first since most often all are, and telling which are not takes a GPU several times as long.
        if settled.all():
            break
        open_rows = (~settled).nonzero().flatten()
        rows = open_rows if rows is None else rows[open_rows]
        logits, alpha = _cleaned(logits[open_rows]), alpha[open_rows]
    return parts


def _first_rule(logits: Tensor, variant: TopHVariant) -> _Rule:
    """What reads all rows: most of them are settled by it."""
    if variant == "paper" and logits.device.type in FUSED_ON and logits.stride(1) == 1:
        return _fused_rule() or _RULES[variant]
    return _RULES[variant]


@functools.cache
def _fused_rule() -> _Rule | None:
    """None where Triton, which comes with torch for GPUs, is not installed."""
    try:
        from strategies.decoding.top_h_fused import fused_prefix
    except ImportError:
        return None
    return fused_prefix


def _cleaned(logits: Tensor) -> Tensor:
    """NaN can never be drawn, and infinities become numbers that can be subtracted."""
    return logits.nan_to_num(nan=-torch.inf, posinf=_LARGEST, neginf=-torch.inf)
