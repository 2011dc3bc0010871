"""Milliseconds of work on a device: medians, by the device's own events where it has them."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch


def median_ms(work: Callable[[], Any], device: str, repeats: int = 20) -> float:
    """Median wall-clock time of one call between synchronisations, after three that warm up."""
    for _ in range(3):
        work()
    took = []
    for _ in range(repeats):
        _wait(device)
        began = time.perf_counter()
        work()
        _wait(device)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
