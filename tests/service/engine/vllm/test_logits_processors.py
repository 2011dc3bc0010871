"""The top-H processor under both interfaces: what it refuses, and that each request keeps its own truncation."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch

from service.engine.vllm.engine_args import TOP_H


@pytest.fixture(scope="module")
def calls() -> Any:
    """Loaded when it is needed: vLLM takes longer to import than the rest of the tests together."""
    return import_module("tests.service.engine.vllm.top_h_calls")


def test_both_loaders_of_vllm_take_it(calls: Any) -> None:
    from vllm.v1.sample.logits_processor import _load_logitsprocs_by_fqcns
    from vllm.v1.worker.gpu.sample.logits_processor.loader import _load_v2_logitsprocs_by_fqcns

    assert _load_logitsprocs_by_fqcns([TOP_H]) == [calls.TopH]
    assert _load_v2_logitsprocs_by_fqcns([TOP_H]) == [calls.TopH]


@pytest.mark.parametrize("alpha", [0, -0.1, 1.01, float("nan"), float("inf"), True, "0.4", [0.4]])
def test_an_alpha_out_of_range_is_refused(calls: Any, alpha: Any) -> None:
    with pytest.raises(ValueError, match="top_h is a number above 0 and at most 1"):
        calls.TopH.validate_params(calls.params(alpha))


def test_an_unknown_variant_and_min_p_are_refused(calls: Any) -> None:
    with pytest.raises(ValueError, match="top_h_variant is one of paper, transformers, authors"):
        calls.TopH.validate_params(calls.params(0.4, "theirs"))
    with pytest.raises(ValueError, match="cannot be combined with min_p"):
        calls.TopH.validate_params(calls.params(0.4, min_p=0.1))


def test_what_is_in_range_passes(calls: Any) -> None:
    from vllm import SamplingParams

    for asked in [*calls.MIXED, calls.params(1), calls.params(min_p=0.1), SamplingParams()]:
        calls.TopH.validate_params(asked)


def test_the_older_runner_masks_each_row_by_its_own_request(calls: Any) -> None:
    processor = calls.v1()
    assert processor.is_argmax_invariant()
    processor.update_state(calls.changed(len(calls.MIXED), added=enumerate(calls.MIXED)))
    logits = calls.logits_of(len(calls.MIXED))
    found = processor.apply(calls.scaled(logits, calls.MIXED))
    assert torch.equal(found, calls.scaled(calls.expected(logits, calls.MIXED), calls.MIXED))


def test_the_newer_runner_masks_unscaled_rows_by_slot(calls: Any) -> None:
    processor = calls.v2()
    slots = [9, 3, 0, 15, 7, 1, 4, 12]
    needs = [processor.add_request(slot, each) for slot, each in zip(slots, calls.MIXED, strict=True)]
    assert needs == [True, False, True, True, False, False, True, True]
    logits = calls.logits_of(len(calls.MIXED))
    found = processor.apply(logits.clone(), calls.context(slots))
    assert torch.equal(found, calls.expected(logits, calls.MIXED))


def test_with_speculative_decoding_every_row_of_a_request_is_masked(calls: Any) -> None:
    processor = calls.v2()
    for slot, each in enumerate(calls.MIXED):
        processor.add_request(slot, each)
    rows = [0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 6, 7, 7]
    logits = calls.logits_of(len(rows))
    found = processor.apply(logits.clone(), calls.context(list(range(len(calls.MIXED))), rows))
    assert torch.equal(found, calls.expected(logits, [calls.MIXED[slot] for slot in rows]))


def test_both_interfaces_keep_the_same_tokens(calls: Any) -> None:
    older, newer = calls.v1(), calls.v2()
    older.update_state(calls.changed(len(calls.MIXED), added=enumerate(calls.MIXED)))
    for slot, each in enumerate(calls.MIXED):
        newer.add_request(slot, each)
    logits = calls.logits_of(len(calls.MIXED))
    first = older.apply(calls.scaled(logits, calls.MIXED))
    second = newer.apply(logits.clone(), calls.context(list(range(len(calls.MIXED)))))
    assert torch.equal(first == -torch.inf, second == -torch.inf)


def test_a_slot_forgets_its_last_request(calls: Any) -> None:
    processor = calls.v2()
    processor.add_request(2, calls.params(0.1, "authors", temperature=2.0))
    processor.add_request(2, calls.params())
    logits = calls.logits_of(1)
    assert torch.equal(processor.apply(logits.clone(), calls.context([2])), logits)


def test_a_batch_that_does_not_ask_is_left_alone(calls: Any) -> None:
    processor = calls.v1()
    logits = calls.logits_of(2)
    processor.update_state(None)
    assert torch.equal(processor.apply(logits.clone()), logits)
    processor.update_state(calls.changed(2, added=[(0, calls.params(0.1)), (1, calls.params())]))
    processor.update_state(calls.changed(2, removed=[0], added=[(0, calls.params())]))
    assert torch.equal(processor.apply(logits.clone()), logits)


@pytest.mark.parametrize("seed", range(20))
def test_the_older_runners_rows_are_followed_as_they_come_go_and_move(calls: Any, seed: int) -> None:
    """Against a plain list of requests; vLLM keeps its batch dense by moving the last row into a gap."""
    from vllm.v1.sample.logits_processor.interface import MoveDirectionality

    chance = np.random.default_rng(seed)
    processor, batch = calls.v1(), [calls.params()]
    processor.update_state(calls.changed(1, added=[(0, batch[0])]))
    for step in range(30):
        added: list[tuple[int, Any]] = []
        removed: list[int] = []
        moved: list[tuple[int, int, Any]] = []
        if len(batch) < calls.SLOTS and chance.random() < 0.6:
            added = [(len(batch), calls.MIXED[chance.integers(len(calls.MIXED))])]
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
            calls.changed(len(batch), removed=removed, added=added, moved=moved) if has_changed else None
        )
        logits = calls.logits_of(len(batch), seed=step)
        found = processor.apply(calls.scaled(logits, batch))
        assert torch.equal(found, calls.scaled(calls.expected(logits, batch), batch))
