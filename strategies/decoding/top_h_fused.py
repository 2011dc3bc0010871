"""The paper's top-H as two Triton kernels: one reading of the logits, then one token after another until the bound.

The first kernel reads every logit once and leaves, of each row, the largest of every 64 and the sums of each part that
the entropy needs. The second takes the likeliest tokens one by one: the order (higher logit, then lower id) is total,
so what is not taken yet is what comes after the last one. Most rows keep few tokens; one that keeps more than
`MOST_TAKEN`, or holds NaN or +inf, is left to the caller. Same rule, tolerance and ties as `top_h_paper`.
"""

from typing import Final

import torch
import triton
import triton.language as tl
from torch import Tensor

from strategies.decoding.top_h_paper import TOLERANCE

MOST_TAKEN: Final = 64
"""Tokens a row may keep here."""

_GROUP: Final = 64
_PART: Final = 4096


def fused_prefix(logits: Tensor, alpha: Tensor, n: int = MOST_TAKEN) -> tuple[Tensor, None, Tensor]:
    """Token ids [rows, 64], None since all are kept, and which rows are settled; who keeps fewer repeats its first.

    `logits` are float32 [rows, vocabulary] after temperature, in rows that lie one after the other; `alpha` [rows].
    """
    rows, size = logits.shape
    alpha = alpha.contiguous()
    parts = triton.cdiv(size, _PART)
    groups = parts * (_PART // _GROUP)
    largest = torch.empty(rows, groups, device=logits.device)
    sums = torch.empty(3, rows, parts, device=logits.device)
    ids = torch.empty(rows, MOST_TAKEN, dtype=torch.int64, device=logits.device)
    taken = torch.empty(rows, dtype=torch.int32, device=logits.device)
    _read[(rows, parts)](logits, largest, sums, size, logits.stride(0), _PART, _GROUP, num_warps=4)
    _take[(rows,)](
        logits, largest, sums, alpha, ids, taken, size, logits.stride(0), parts, groups, 1 + TOLERANCE,
        MOST_TAKEN, _GROUP, triton.next_power_of_2(groups), triton.next_power_of_2(parts), num_warps=4,
    )  # fmt: skip
    return ids, None, taken > 0


@triton.jit
def _read(  # type: ignore[no-untyped-def]  # Triton reads the signature, and knows no names of typing
    logits, largest, sums, size, stride, PART: tl.constexpr, GROUP: tl.constexpr
):
    """Of one part of one row: the largest of each group, the part's largest, and two sums beside that one token."""
    row, part = tl.program_id(0).to(tl.int64), tl.program_id(1)
    at = part * PART + tl.arange(0, PART)
    x = tl.load(logits + row * stride + at, mask=at < size, other=float("-inf"))
    tops = tl.max(tl.reshape(x, (PART // GROUP, GROUP)), axis=1)
    many: tl.constexpr = PART // GROUP
    tl.store(largest + (row * tl.num_programs(1) + part) * many + tl.arange(0, many), tops)
    top = tl.maximum(tl.max(tops, axis=0), -1e30)
    below = tl.maximum(x - top, -1e4)
    weight = tl.exp(below)
    # Without the first of the largest: beside 1 a small sum would lose its digits.
    first = tl.min(tl.where(x == top, at, size), axis=0)
    others = tl.sum(tl.where(at == first, 0.0, weight), axis=0)
    # NaN is lost by a maximum, but not by this sum; +inf less itself is NaN.
    spoilt = tl.sum(tl.where(x == float("-inf"), 0.0, x - x), axis=0)
    here = row * tl.num_programs(1) + part
    many_sums = tl.num_programs(0).to(tl.int64) * tl.num_programs(1)
    tl.store(sums + here, top)
    tl.store(sums + many_sums + here, others + spoilt)
    tl.store(sums + 2 * many_sums + here, tl.sum(weight * below, axis=0))


@triton.jit
def _take(  # type: ignore[no-untyped-def]  # as above
    logits, largest, sums, alpha, ids, taken, size, stride,
    parts, groups, tolerance,
    MOST: tl.constexpr, GROUP: tl.constexpr, GROUPS: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    """Of one row: the entropy from its parts, then its tokens in order until the next would pass the bound."""
    row = tl.program_id(0).to(tl.int64)
    number = tl.arange(0, PARTS)
    many_sums = tl.num_programs(0).to(tl.int64) * parts
    here = sums + row * parts + number
    tops = tl.load(here, mask=number < parts, other=-1e30)
    others = tl.load(here + many_sums, mask=number < parts, other=0.0).to(tl.float64)
    weighted = tl.load(here + 2 * many_sums, mask=number < parts, other=0.0).to(tl.float64)
    top = tl.max(tops, axis=0)
    below = (tops - top).to(tl.float64)
    share = tl.exp(tl.maximum(below, -1e4))
    first_part = tl.argmax(tops, axis=0)
    beside = tl.sum(share * others + tl.where((number == first_part) | (tops <= -1e30), 0.0, share), axis=0)
    product = tl.sum(share * (weighted + tl.maximum(below, -1e4) * (1 + others)), axis=0)
    entropy = tl.log(1 + beside) - product / (1 + beside)
    wide = tl.load(alpha + row).to(tl.float64)
    bound = tl.where(wide < 1, wide * entropy * tolerance, float("inf"))
    sound = entropy == entropy

    group = tl.arange(0, GROUPS)
    best = tl.load(largest + row * groups + group, mask=group < groups, other=float("-inf"))
    count = 0
    first_id = 0
    previous = -1
    previous_value = top + float("inf")
    mass = entropy * 0
    moment = entropy * 0
    go = sound
    while go:
        value = tl.max(best, axis=0)
        where = tl.min(tl.where(best == value, group, GROUPS), axis=0)
        at = where * GROUP + tl.arange(0, GROUP)
        x = tl.load(logits + row * stride + at, mask=at < size, other=float("-inf"))
        free = (x < previous_value) | ((x == previous_value) & (at > previous))
        token = tl.min(tl.where(free & (x == value), at, size), axis=0)
        less = (value - top).to(tl.float64)
        weight = tl.exp(tl.maximum(less, -1e4))
        mass_with = mass + tl.where(count > 0, weight, 0.0)
        moment_with = moment + tl.where(count > 0, weight * less, 0.0)
        with_it = tl.log(1 + mass_with) - moment_with / (1 + mass_with)
        fits = ((with_it <= bound) & (weight > 0) & (value > -1e30)) | (count == 0)
        full = count >= MOST
        if fits & (count < MOST):
            tl.store(ids + row * MOST + count, token)
            first_id = tl.where(count == 0, token, first_id)
            previous = token
            previous_value = value
            after = free & ((x < value) | (at > token))
            best = tl.where(group == where, tl.max(tl.where(after, x, float("-inf")), axis=0), best)
            mass = mass_with
            moment = moment_with
            count += 1
        if full:
            count = tl.where(fits, 0, count)
        go = fits & (full == 0)
    place = tl.arange(0, MOST)
    tl.store(ids + row * MOST + place, first_id + tl.zeros_like(place), mask=place >= count)
    tl.store(taken + row, tl.where(sound, count, 0))
