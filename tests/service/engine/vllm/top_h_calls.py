"""The top-H processor as both of vLLM's runners call it, and what is expected of it; to import this takes seconds."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from vllm import SamplingParams
from vllm.v1.sample.logits_processor.interface import BatchUpdate
from vllm.v1.worker.gpu.sample.logits_processor.interface import LogitsContext

from service.engine.vllm.logits_processors import TopH
from strategies.decoding.top_h import keep_mask

SLOTS, VOCABULARY = 16, 300


def params(
    top_h: Any = None, variant: Any = None, *, temperature: float = 1.0, min_p: float = 0.0
) -> SamplingParams:
    given = {"top_h": top_h, "top_h_variant": variant}
    extra = {name: value for name, value in given.items() if value is not None}
    return SamplingParams(temperature=temperature, min_p=min_p, extra_args=extra or None)


def v1() -> TopH:
    config: Any = SimpleNamespace(scheduler_config=SimpleNamespace(max_num_seqs=SLOTS))
    return TopH(config, torch.device("cpu"), False)


def v2() -> TopH:
    config: Any = SimpleNamespace()
    return TopH(config, SimpleNamespace(device=torch.device("cpu"), max_num_reqs=SLOTS))


def logits_of(rows: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, VOCABULARY, generator=torch.Generator().manual_seed(seed)) * 3


def expected(logits: Tensor, asked: list[SamplingParams]) -> Tensor:
    """Unscaled logits, each row masked by the rule that its request asked for."""
    rows = []
    for row, each in zip(logits, asked, strict=True):
        extra = each.extra_args or {}
        if "top_h" not in extra or each.temperature == 0:
            rows.append(row)
            continue
        variant = extra.get("top_h_variant", "paper")
        mask = keep_mask(row[None] / each.temperature, extra["top_h"], variant)[0]
        rows.append(row.masked_fill(~mask, -torch.inf))
    return torch.stack(rows)


def scaled(logits: Tensor, asked: list[SamplingParams]) -> Tensor:
    """As the older runner has them when it calls: divided by temperature, greedy rows by 1."""
    return logits / torch.tensor([[each.temperature or 1.0] for each in asked])


def changed(batch_size: int, *, removed: Any = (), added: Any = (), moved: Any = ()) -> BatchUpdate:
    return BatchUpdate(batch_size, list(removed), [(row, each, [], []) for row, each in added], list(moved))


def context(slots: list[int], rows: list[int] | None = None) -> LogitsContext:
    """`rows` is the slot of each row where a request has several."""
    mapping = torch.tensor(slots, dtype=torch.int32)
    expanded = mapping if rows is None else torch.tensor(rows, dtype=torch.int32)
    rest: Any = torch.zeros_like(expanded)
    ids = np.array(slots, dtype=np.int32)
    return LogitsContext(expanded, mapping, ids, rest, rest, rest, ids)


MIXED = [
    params(0.4),
    params(),
    params(0.4, "transformers", temperature=2.0),
    params(0.7, "authors", temperature=0.5),
    params(0.3, temperature=0.0),
    params(1.0),
    params(0.9, temperature=1.7),
    params(1.0, "transformers"),
]
