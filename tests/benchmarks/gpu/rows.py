"""Rows on which a truncation may go wrong."""

import torch
from torch import Tensor


def odd_rows() -> tuple[Tensor, Tensor]:
    """Logits [14, 4700] with ties, NaN, infinities, flat and sure rows, and an alpha a row."""
    rows = torch.randn(14, 4700, generator=torch.Generator().manual_seed(1)) * 3
    rows[:, 4600] += torch.linspace(0, 30, 14)
    rows[:3] = rows[:3].round()
    rows[3:5, ::3] = -torch.inf
    rows[5, 5], rows[6, 4699] = torch.nan, torch.inf
    rows[7:9] *= 1e-3
    rows[9, 77] += 60
    rows[10] = torch.full_like(rows[10], -torch.inf).index_fill_(0, torch.tensor([4400]), 3.0)
    return rows, torch.linspace(0.05, 1, 14)
