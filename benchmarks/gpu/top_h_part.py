"""Part 1: top-H on the device. Its masks against float64, its time against other truncations, its share of a step."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from benchmarks.gpu.decode_floor import copy_bytes_per_s, product_flops, step_floor_ms
from benchmarks.gpu.exact_top_h import exact_mask
from benchmarks.gpu.findings import Findings
from benchmarks.gpu.machine import Machine, need_memory
from benchmarks.gpu.timing import median_ms
from strategies.decoding import top_h
from strategies.decoding.top_h import keep_mask, restrict_

ALPHA = 0.4
MOST_OF_STEP = 0.03
# Nearer to the bound than this the last token is a matter of single precision's rounding.
ROUNDING = 1e-5
# Peaks above the noise with which most rows keep one or two tokens: made up, not a model's; flatter rows cost more.
WHILE_WRITING = (30.0, 17.0)


@dataclass(frozen=True, slots=True)
class Size:
    vocabularies: tuple[int, ...]
    batches: tuple[int, ...]
    copy_mib: int
    product: int
    gib: float


REAL = Size((32_000, 128_256, 256_000), (1, 8, 64, 512), 1024, 8192, 12)
TOY = Size((512, 2048), (1, 4), 1, 64, 0.1)


def run(machine: Machine, *, dry_run: bool) -> Findings:
    size = TOY if dry_run else REAL
    need_memory(machine, size.gib)
    found = Findings()
    masks(found, machine.device, size)
    edges(found, machine.device, size.vocabularies[0])
    times(found, machine.device, size, judged=not dry_run)
    return found


def like_a_model(
    rows: int, vocabulary: int, device: str, seed: int = 0, peaks: tuple[float, float] = (16, 2)
) -> Tensor:
    """Logits whose rows run from nearly sure of a token to nearly flat; float32 [rows, vocabulary]."""
    generator = torch.Generator(device).manual_seed(seed)
    logits = torch.randn(rows, vocabulary, device=device, generator=generator) * 2.5
    peak = torch.linspace(*peaks, rows, device=device)[:, None]
    heads = torch.randint(vocabulary, (rows, 20), device=device, generator=generator)
    return logits.scatter_add_(1, heads, peak * torch.linspace(1, 0.5, 20, device=device).expand(rows, 20))


def masks(found: Findings, device: str, size: Size) -> None:
    differ = compared = at_bound = 0
    for vocabulary in size.vocabularies:
        for batch in size.batches:
            logits = like_a_model(batch, vocabulary, device, seed=batch)
            fast = keep_mask(logits, ALPHA)
            for first in range(0, batch, 64):
                exact, margin = exact_mask(logits[first : first + 64], ALPHA)
                wrong = (fast[first : first + 64] != exact).any(1)
                at_bound += int((wrong & (margin < ROUNDING)).sum())
                differ += int((wrong & (margin >= ROUNDING)).sum())
                compared += len(exact)
    told = f"{compared} rows, vocabularies {', '.join(map(str, size.vocabularies))}, batches {size.batches}"
    found.claim(
        f"masks equal float64's on {device}: {differ} differ, {at_bound} at the bound ({told})", not differ
    )


def edges(found: Findings, device: str, vocabulary: int) -> None:
    """Ties, NaN, infinities, flat and nearly sure rows: as on CPU, where the tests hold them to slow loops."""
    rows = like_a_model(64, vocabulary, "cpu", seed=7)
    rows[:10] = rows[:10].round()
    rows[10:20, ::3] = -torch.inf
    rows[20:24, 5] = torch.nan
    rows[24:28, 7] = torch.inf
    rows[28:40] *= 1e-3
    rows[40:50, 77] += 60
    rows[50:54] = torch.full_like(rows[50:54], -torch.inf).index_fill_(1, torch.tensor([400]), 3.0)
    alpha = torch.linspace(0.05, 1, 64)[torch.randperm(64, generator=torch.Generator().manual_seed(0))]
    there = keep_mask(rows.to(device), alpha.to(device)).cpu()
    wrong = (there != keep_mask(rows, alpha)).any(1)
    written = rows.to(device)
    restrict_(written, alpha.to(device))
    expected = rows.where(there, -torch.inf)
    kept_values = torch.equal(written.cpu().nan_to_num(7.0), expected.nan_to_num(7.0))
    told = f"{int(wrong.sum())} of 64 masks differ from the CPU's: {wrong.nonzero().flatten().tolist()}"
    found.claim(
        f"ties, NaN, infinities, flat and sure rows on {device}: {told}", not wrong.any() and kept_values
    )


def times(found: Findings, device: str, size: Size, *, judged: bool) -> None:
    rate = copy_bytes_per_s(device, size.copy_mib)
    flops = product_flops(device, size.product)
    found.row(
        "device", copy_gb_per_s=rate / 1e9, bf16_tflops=flops / 1e12, floor_ms=step_floor_ms(rate, flops, 1)
    )
    worst = 0.0
    for vocabulary in size.vocabularies:
        for batch in size.batches:
            logits = like_a_model(batch, vocabulary, device, peaks=WHILE_WRITING)
            kept = keep_mask(logits, ALPHA).sum(1).float().mean().item()
            alphas = torch.full((batch,), ALPHA, device=device)
            took = {name: median_ms(partial(rule, logits), device) for name, rule in rules(alphas).items()}
            floor = step_floor_ms(rate, flops, batch)
            share = (took["top-H"] - took["none"]) / floor
            if vocabulary == size.vocabularies[1]:
                worst = max(worst, share)
            shown = {f"{name}, ms": ms for name, ms in took.items()}
            found.row(
                "one step's truncation and draw",
                vocabulary=vocabulary,
                batch=batch,
                mean_kept=kept,
                **shown,
                share=share,
            )
    if judged:
        text = f"top-H adds at most {worst:.1%} of a 7B step's floor at {size.vocabularies[1]} tokens"
        found.claim(f"{text} ({MOST_OF_STEP:.0%} are allowed)", worst <= MOST_OF_STEP)


def rules(alphas: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
    """Each draws one token a row from a copy of the logits, as a step does."""
    from transformers.generation.logits_process import TopHLogitsWarper

    warper = TopHLogitsWarper(top_h=ALPHA)

    def ours(logits: Tensor) -> Tensor:
        copy = logits.clone()
        restrict_(copy, alphas)
        return drawn(copy)

    def without_kernel(logits: Tensor) -> Tensor:
        devices, top_h.FUSED_ON[:] = list(top_h.FUSED_ON), []
        try:
            return ours(logits)
        finally:
            top_h.FUSED_ON[:] = devices

    return {
        "none": lambda logits: drawn(logits.clone()),
        "top-p": lambda logits: drawn(top_p(logits.clone(), 0.9)),
        "min-p": lambda logits: drawn(min_p(logits.clone(), 0.1)),
        "transformers": lambda logits: drawn(warper(None, logits.clone())),
        "top-H without kernel": without_kernel,
        "top-H": ours,
    }


def drawn(logits: Tensor) -> Tensor:
    """By exponential races, as vLLM draws: no wait for the device."""
    p = logits.softmax(1)
    return p.div_(torch.empty_like(p).exponential_()).argmax(1)


def top_p(logits: Tensor, p: float) -> Tensor:
    values, ids = logits.sort(dim=1)
    cut = values.softmax(1).cumsum(1) <= 1 - p
    cut[:, -1] = False
    return logits.scatter_(1, ids, values.masked_fill_(cut, -torch.inf))


def min_p(logits: Tensor, p: float) -> Tensor:
    probabilities = logits.softmax(1)
    return logits.masked_fill_(probabilities < p * probabilities.amax(1, keepdim=True), -torch.inf)
