"""The transformers backend equals the recipe of each model card, in batches of mixed length."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from service.reward_models.checkpoints.verify import open_checkpoint
from service.reward_models.pooling.pair_tokenizer import PairTokenizer
from service.reward_models.transformers.batching import Item
from service.reward_models.transformers.network import Load, Network
from strategies.base.types import Message
from tests.service.reward_models import tiny
from tests.service.reward_models.tiny_parts import Tiny

TOLERANCE = 1e-4
QUESTION = "What is 17 + 25?"
ANSWERS = ["42", "It is 42, since 17 and 25 make 42.\nThe answer is 42.", "né 数 🙂 " * 9, "?"]
CUSTOM: dict[str, Callable[[Path], Tiny]] = {
    "prm_head": lambda folder: tiny.qwen2_reward(folder, labels=2),
    "value_head": tiny.value_head,
    "inform": tiny.inform,
}


def load(made: Tiny, **options: Any) -> Network:
    checkpoint = open_checkpoint(str(made.folder), "transformers")
    return Network(
        Load(
            made.folder,
            checkpoint.architecture,
            checkpoint.head,
            reads_text=checkpoint.reads == "text",
            **options,
        )
    )


@pytest.mark.parametrize("name", [*tiny.CHAT, *CUSTOM])
def test_the_row_at_the_end_of_a_padded_batch_equals_the_recipe(tmp_path: Path, name: str) -> None:
    made = (tiny.CHAT | CUSTOM)[name](tmp_path)
    end = open_checkpoint(str(tmp_path), "transformers").end_token_id
    inputs = [made.chat_ids(QUESTION, answer) for answer in ANSWERS]
    read = [ids if end is None else [*ids, end] for ids in inputs]
    rows = load(made).answer([Item("rows", ids, (len(ids) - 1,)) for ids in read])
    for ids, found in zip(inputs, rows, strict=True):
        assert found[0] == pytest.approx(made.row(ids), abs=TOLERANCE)
    assert len({round(found[0][0], 3) for found in rows}) == len(ANSWERS)


@pytest.mark.parametrize("name", ["llama", "qwen2_reward", "prm_head", "value_head"])
def test_a_row_within_is_the_row_of_the_text_up_to_there(tmp_path: Path, name: str) -> None:
    made = (tiny.CHAT | CUSTOM)[name](tmp_path)
    ids, short = made.chat_ids(QUESTION, ANSWERS[1]), made.chat_ids(QUESTION, "a")
    places = (9, 9, 30, len(ids) - 1)
    rows = load(made).answer([Item("rows", ids, places), Item("rows", short, (3,))])
    for place, row in zip(places, rows[0], strict=True):
        assert row == pytest.approx(made.row(ids[: place + 1]), abs=TOLERANCE)


@pytest.mark.parametrize("name", list(tiny.PAIRS))
def test_cross_encoders_read_a_padded_batch_of_pairs_as_their_recipe(tmp_path: Path, name: str) -> None:
    made = tiny.PAIRS[name](tmp_path)
    tokenizer = PairTokenizer(made.folder)
    has_types = open_checkpoint(str(tmp_path), "transformers").has_types
    assert has_types == (name == "bert")
    network = load(made, types_after=tokenizer.types_after if has_types else None)
    inputs = [tokenizer.conversation([Message("user", QUESTION)], answer).ids for answer in ANSWERS]
    assert inputs[0] == made.tokenizer(QUESTION, ANSWERS[0]).input_ids
    rows = network.answer([Item("text", ids) for ids in inputs])
    for ids, found in zip(inputs, rows, strict=True):
        assert found[0] == pytest.approx(made.row(ids), abs=TOLERANCE)
    assert len({round(found[0][0], 4) for found in rows}) == len(ANSWERS)


def test_a_gated_model_tells_score_objectives_and_weights(tmp_path: Path) -> None:
    made = tiny.armo(tmp_path)
    network = load(made)
    inputs = [made.chat_ids(QUESTION, answer) for answer in ANSWERS]
    told = network.answer([Item("objectives", ids) for ids in inputs])
    plain = network.answer([Item("text", ids) for ids in inputs])
    for ids, (score, values, weights), (row,) in zip(inputs, told, plain, strict=True):
        assert [*score, *values, *weights] == pytest.approx(made.row(ids), abs=TOLERANCE)
        assert sum(v * w for v, w in zip(values, weights, strict=True)) == pytest.approx(score[0], abs=1e-5)
        assert row == pytest.approx([*score, *values], abs=1e-6)
    assert open_checkpoint(str(tmp_path), "transformers").labels == 1 + 5
    # The gate reads the prompt alone: the same weights for every answer to one question.
    assert told[0][2] == pytest.approx(told[1][2], abs=TOLERANCE)
    assert told[0][2] != pytest.approx(
        network.answer([Item("objectives", made.chat_ids("Another?", "42"))])[0][2], abs=1e-3
    )


def test_without_a_turn_of_the_assistant_there_is_no_gate_to_read(tmp_path: Path) -> None:
    made = tiny.armo(tmp_path)
    with pytest.raises(ValueError, match="no turn of the assistant"):
        load(made).answer([Item("text", made.tokenizer("no chat", add_special_tokens=False).input_ids)])


@pytest.mark.parametrize(("name", "options"), [("Llama", {}), ("Gemma2", {"query_pre_attn_scalar": 32})])
def test_log_probabilities_of_a_text_equal_transformers(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    made = tiny.language_model(tmp_path, name, **options)
    network = Network(Load(made.folder, None))
    inputs = [made.chat_ids(QUESTION, answer) for answer in ANSWERS]
    starts = [1, 5, len(inputs[2]) - 1, 12]
    rows = network.answer(
        [Item("logprobs", ids, (start,)) for ids, start in zip(inputs, starts, strict=True)]
    )
    for ids, start, found in zip(inputs, starts, rows, strict=True):
        assert found[0] == pytest.approx(made.row(ids)[start - 1 :], abs=TOLERANCE)


def test_token_logits_are_those_of_the_wanted_tokens_at_the_wanted_places(tmp_path: Path) -> None:
    made = tiny.language_model(tmp_path)
    model: Any = __import__("transformers").AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    wanted = (30, 31, 7)
    inputs = [made.chat_ids(QUESTION, answer) for answer in ANSWERS]
    places = [sorted(random.Random(i).sample(range(len(ids)), 3)) for i, ids in enumerate(inputs)]
    items = [Item("token_logits", ids, at, wanted) for ids, at in zip(inputs, places, strict=True)]
    rows = Network(Load(made.folder, None)).answer(items)
    for ids, at, found in zip(inputs, places, rows, strict=True):
        expected = _logits(model, ids)[at][:, list(wanted)].tolist()
        for one, other in zip(found, expected, strict=True):
            assert one == pytest.approx(other, abs=TOLERANCE)


def _logits(model: Any, ids: Sequence[int]) -> Any:
    with torch.no_grad():
        return model(input_ids=torch.tensor([list(ids)])).logits[0]


def test_a_checkpoint_without_part_of_its_body_is_refused_and_nothing_is_made_up(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    made = tiny.sequence_classifier("Llama", tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks weights, .*layers\.1\.mlp\.up_proj\.weight"):
        load(made)
