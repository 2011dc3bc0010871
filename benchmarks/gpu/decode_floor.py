"""The least time of a 7B decode step: its weights through memory and the arithmetic with them, at measured rates."""

import torch

from benchmarks.gpu.timing import median_ms

PARAMETERS_7B = 7_615_616_512
"""Qwen2.5-7B's, in bfloat16 two bytes each; a real step is slower, so a share of this one is an upper bound."""


def copy_bytes_per_s(device: str, mib: int) -> float:
    """Bytes read and written per second by a copy within the device's memory."""
    source = torch.randn(mib << 18, device=device)
    target = torch.empty_like(source)
    moved: int = 2 * source.nbytes
    return moved / (median_ms(lambda: target.copy_(source), device) / 1000)


def product_flops(device: str, size: int) -> float:
    """Floating-point operations a second of a square bfloat16 product."""
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    return 2.0 * size**3 / (median_ms(lambda: a @ a, device) / 1000)


def step_floor_ms(bytes_per_s: float, flops: float, batch: int) -> float:
    """The longer of reading the weights and multiplying by them; the KV cache, the head's softmax and gaps left out."""
    return max(PARAMETERS_7B * 2 / bytes_per_s, 2 * PARAMETERS_7B * batch / flops) * 1000
