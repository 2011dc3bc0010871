"""The shipped adapter: small, bf16, and in the shape that the build merges."""

import json
import struct

import pytest

from service.embedded.checkpoints import LABELS, LAYERS
from service.embedded.paths import ADAPTER
from service.embedded.training.network import ALPHA, FIRST_TRAINED_LAYER, RANK

WEIGHTS = ADAPTER / "adapter_model.safetensors"


def header() -> dict[str, dict[str, object]]:
    """The tensors that the file names, read without any library."""
    with WEIGHTS.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        tensors: dict[str, dict[str, object]] = json.loads(file.read(size))
    tensors.pop("__metadata__", None)
    return tensors


def test_the_adapter_is_at_most_16_megabytes() -> None:
    assert WEIGHTS.stat().st_size <= 16_000_000


def test_every_tensor_is_bf16() -> None:
    assert {tensor["dtype"] for tensor in header().values()} == {"BF16"}


def test_the_score_head_has_a_row_for_each_label() -> None:
    (score,) = (tensor for name, tensor in header().items() if "score" in name)
    assert score["shape"] == [len(LABELS), 576]


def test_the_settings_are_those_of_the_training_code() -> None:
    settings = json.loads((ADAPTER / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"]) == (RANK, ALPHA)
    assert settings["layers_to_transform"] == list(range(FIRST_TRAINED_LAYER, LAYERS))
    assert settings["base_model_name_or_path"] is None


def test_nothing_but_weights_and_settings_is_shipped() -> None:
    names = sorted(path.name for path in ADAPTER.iterdir())
    assert names == ["adapter_config.json", "adapter_model.safetensors"]


@pytest.mark.parametrize("name", ["q_proj", "down_proj"])
def test_both_halves_of_an_update_are_there_for_every_trained_layer(name: str) -> None:
    halves = [tensor for tensor in header() if f".{name}." in tensor]
    assert len(halves) == 2 * (LAYERS - FIRST_TRAINED_LAYER)
