"""Checkpoints of random weights, or of none: the shapes of real models under the embedded tokenizer."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")

QWEN_7B: Final[Mapping[str, Any]] = {
    "model_type": "qwen2",
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "max_position_embeddings": 32768,
    "rope_theta": 1000000.0,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
}
"""Qwen2.5-7B-Instruct's config.json."""

SMOLLM: Final[Mapping[str, Any]] = {
    "model_type": "llama",
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
    "rope_theta": 100000.0,
    "rms_norm_eps": 1e-5,
    "hidden_act": "silu",
    "tie_word_embeddings": True,
}
"""The embedded generator's."""

TOY: Final = {**SMOLLM, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1} | {
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}
_CLASSES: Final = {
    "qwen2": ("Qwen2ForCausalLM", "Qwen2ForSequenceClassification"),
    "llama": ("LlamaForCausalLM", "LlamaForSequenceClassification"),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Folders of a generator and of a reward model with one shape and one tokenizer."""

    generator: Path
    reward: Path


def pair(folder: Path, shape: Mapping[str, Any], tokenizer: Path, *, weights: bool) -> Pair:
    """Both under `folder`; without weights they are for `load_format: dummy`."""
    made = Pair(folder / "generator", folder / "reward")
    for place, is_reward in ((made.generator, False), (made.reward, True)):
        place.mkdir(parents=True, exist_ok=True)
        for name in TOKENIZER_FILES:
            shutil.copyfile(tokenizer / name, place / name)
        described = config(shape, is_reward=is_reward)
        (place / "config.json").write_text(json.dumps(described, indent=1))
        if weights:
            _write_weights(place, is_reward=is_reward)
    return made


def config(shape: Mapping[str, Any], *, is_reward: bool) -> dict[str, Any]:
    architecture = _CLASSES[shape["model_type"]][is_reward]
    about: dict[str, Any] = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "dtype": "bfloat16"}
    # Two rows, as the embedded reward model has: one for responses, one for steps.
    labels = {"id2label": {"0": "outcome", "1": "step"}, "label2id": {"outcome": 0, "step": 1}}
    return {**shape, **about, "architectures": [architecture], **(labels if is_reward else {})}


def _write_weights(folder: Path, *, is_reward: bool) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

    torch.manual_seed(1)
    build: Any = AutoModelForSequenceClassification if is_reward else AutoModelForCausalLM
    model: Any = build.from_config(AutoConfig.from_pretrained(folder)).to(torch.bfloat16)
    text = (folder / "config.json").read_text()
    model.save_pretrained(folder)
    (folder / "config.json").write_text(text)


def embedded_tokenizer() -> Path:
    """The folder of the embedded generator, or what `NBEST_GPU_CHECK_TOKENIZER` names where it cannot be fetched."""
    import os

    given = os.environ.get("NBEST_GPU_CHECK_TOKENIZER")
    if given:
        return Path(given)
    from service.embedded.build import build_generator

    return Path(build_generator())
