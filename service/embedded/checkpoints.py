"""Checkpoints from weights: what is written here loads in transformers and vLLM like any published model."""

import os
from pathlib import Path
from typing import Any, Final

from service.embedded.chat_templates import GENERATOR_TEMPLATE, REWARD_TEMPLATE

PAD_TOKEN_ID: Final = 0
# The upper third of the base is left out: training and scoring are a third cheaper for it.
LAYERS: Final = 20
LABELS: Final = {0: "outcome", 1: "step"}


def quiet_and_offline() -> None:
    """Keep the model libraries off the network and quiet; only settings the user left open are set."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "VLLM_NO_USAGE_STATS", "DO_NOT_TRACK"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def dequantise(gguf: Path, out: Path) -> None:
    """Write a GGUF file as a bf16 safetensors checkpoint with tokenizer and chat template."""
    quiet_and_offline()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    tokenizer: Any = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model: Any = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    model.save_pretrained(out)
    tokenizer.chat_template = GENERATOR_TEMPLATE
    tokenizer.save_pretrained(out)


def reward_base(generator: Path, dtype: Any) -> Any:
    """The generator's first layers under a fresh score head: row 0 is the outcome logit, row 1 the step logit."""
    quiet_and_offline()
    from transformers import AutoModelForSequenceClassification

    # The text ends at <|im_end|>, which the base also pads with; another pad keeps that last token readable.
    return AutoModelForSequenceClassification.from_pretrained(
        generator,
        dtype=dtype,
        num_hidden_layers=LAYERS,
        num_labels=len(LABELS),
        id2label=LABELS,
        label2id={label: row for row, label in LABELS.items()},
        pad_token_id=PAD_TOKEN_ID,
    )


def merge(generator: Path, adapter: Path, out: Path) -> None:
    """Write base + adapter as a float32 sequence classifier with the reward model's own chat template."""
    quiet_and_offline()
    import torch
    from peft import PeftModel

    merged: Any = PeftModel.from_pretrained(reward_base(generator, torch.float32), adapter).merge_and_unload()
    merged.to(torch.float32).save_pretrained(out)
    tokenizer = reward_tokenizer(generator)
    tokenizer.save_pretrained(out)


def reward_tokenizer(generator: Path) -> Any:
    """The generator's tokenizer under the reward model's template and pad token."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(generator)
    tokenizer.chat_template = REWARD_TEMPLATE
    tokenizer.pad_token_id = PAD_TOKEN_ID
    return tokenizer
