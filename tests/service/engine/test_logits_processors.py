"""The top-H processor under both interfaces: what it refuses, and that each request keeps its own truncation."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from vllm import SamplingParams
from vllm.v1.sample.logits_processor import _load_logitsprocs_by_fqcns
from vllm.v1.sample.logits_processor.interface import BatchUpdate, MoveDirectionality
from vllm.v1.worker.gpu.sample.logits_processor.interface import LogitsContext
from vllm.v1.worker.gpu.sample.logits_processor.loader import _load_v2_logitsprocs_by_fqcns

from service.engine.logits_processors import TopH
from service.engine.vllm_arguments import TOP_H
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


def test_both_loaders_of_vllm_take_it() -> None:
    assert _load_logitsprocs_by_fqcns([TOP_H]) == [TopH]
    assert _load_v2_logitsprocs_by_fqcns([TOP_H]) == [TopH]


@pytest.mark.parametrize("alpha", [0, -0.1, 1.01, float("nan"), float("inf"), True, "0.4", [0.4]])
def test_an_alpha_out_of_range_is_refused(alpha: Any) -> None:
    with pytest.raises(ValueError, match="top_h is a number above 0 and at most 1"):
        TopH.validate_params(params(alpha))


def test_an_unknown_variant_and_min_p_are_refused() -> None:
    with pytest.raises(ValueError, match="top_h_variant is one of paper, transformers, authors"):
        TopH.validate_params(params(0.4, "theirs"))
    with pytest.raises(ValueError, match="cannot be combined with min_p"):
        TopH.validate_params(params(0.4, min_p=0.1))


@pytest.mark.parametrize("asked", [*MIXED, params(1), params(min_p=0.1), SamplingParams()], ids=str)
def test_what_is_in_range_passes(asked: SamplingParams) -> None:
    TopH.validate_params(asked)


def test_the_older_runner_masks_each_row_by_its_own_request() -> None:
    processor = v1()
    assert processor.is_argmax_invariant()
    processor.update_state(changed(len(MIXED), added=enumerate(MIXED)))
    logits = logits_of(len(MIXED))
    found = processor.apply(scaled(logits, MIXED))
    assert torch.equal(found, scaled(expected(logits, MIXED), MIXED))


def test_the_newer_runner_masks_unscaled_rows_by_slot() -> None:
    processor = v2()
    slots = [9, 3, 0, 15, 7, 1, 4, 12]
    needs = [processor.add_request(slot, each) for slot, each in zip(slots, MIXED, strict=True)]
    assert needs == [True, False, True, True, False, False, True, True]
    logits = logits_of(len(MIXED))
    found = processor.apply(logits.clone(), context(slots))
    assert torch.equal(found, expected(logits, MIXED))


def test_with_speculative_decoding_every_row_of_a_request_is_masked() -> None:
    processor = v2()
    for slot, each in enumerate(MIXED):
        processor.add_request(slot, each)
    rows = [0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 6, 7, 7]
    logits = logits_of(len(rows))
    found = processor.apply(logits.clone(), context(list(range(len(MIXED))), rows))
    assert torch.equal(found, expected(logits, [MIXED[slot] for slot in rows]))


def test_both_interfaces_keep_the_same_tokens() -> None:
    older, newer = v1(), v2()
    older.update_state(changed(len(MIXED), added=enumerate(MIXED)))
    for slot, each in enumerate(MIXED):
        newer.add_request(slot, each)
    logits = logits_of(len(MIXED))
    first = older.apply(scaled(logits, MIXED))
    second = newer.apply(logits.clone(), context(list(range(len(MIXED)))))
    assert torch.equal(first == -torch.inf, second == -torch.inf)


def test_a_slot_forgets_its_last_request() -> None:
    processor = v2()
    processor.add_request(2, params(0.1, "authors", temperature=2.0))
    processor.add_request(2, params())
    logits = logits_of(1)
    assert torch.equal(processor.apply(logits.clone(), context([2])), logits)


def test_a_batch_that_does_not_ask_is_left_alone() -> None:
    processor = v1()
    logits = logits_of(2)
    processor.update_state(None)
    assert torch.equal(processor.apply(logits.clone()), logits)
    processor.update_state(changed(2, added=[(0, params(0.1)), (1, params())]))
    processor.update_state(changed(2, removed=[0], added=[(0, params())]))
    assert torch.equal(processor.apply(logits.clone()), logits)


@pytest.mark.parametrize("seed", range(20))
def test_the_older_runners_rows_are_followed_as_they_come_go_and_move(seed: int) -> None:
    """Against a plain list of requests; vLLM keeps its batch dense by moving the last row into a gap."""
    chance = np.random.default_rng(seed)
    processor, batch = v1(), [params()]
    processor.update_state(changed(1, added=[(0, batch[0])]))
    for step in range(30):
        added: list[tuple[int, SamplingParams]] = []
        removed: list[int] = []
        moved: list[tuple[int, int, MoveDirectionality]] = []
        if len(batch) < SLOTS and chance.random() < 0.6:
            added = [(len(batch), MIXED[chance.integers(len(MIXED))])]
            batch.append(added[0][1])
        elif len(batch) > 1 and chance.random() < 0.5:
            gap = int(chance.integers(len(batch)))
            removed, last = [gap], batch.pop()
            if gap < len(batch):
                moved, batch[gap] = [(len(batch), gap, MoveDirectionality.UNIDIRECTIONAL)], last
        if len(batch) > 1 and chance.random() < 0.4:
            a, b = (int(row) for row in chance.choice(len(batch), 2, replace=False))
            moved.append((a, b, MoveDirectionality.SWAP))
            batch[a], batch[b] = batch[b], batch[a]
        has_changed = bool(added or removed or moved)
        processor.update_state(
            changed(len(batch), removed=removed, added=added, moved=moved) if has_changed else None
        )
        logits = logits_of(len(batch), seed=step)
        found = processor.apply(scaled(logits, batch))
        assert torch.equal(found, scaled(expected(logits, batch), batch))
