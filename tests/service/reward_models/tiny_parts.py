"""What every tiny checkpoint is made of: one tokenizer, random weights, and the folder in which they are saved."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

SPECIAL = ["<pad>", "<s>", "</s>", "[CLS]", "[SEP]", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
TEMPLATE = (
    "<s>{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n{{ m['content'] }}<|eot_id|>"
    "{% endfor %}"
)
ASSISTANT = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"

Recipe = Callable[[Sequence[int]], list[float]]
"""Token ids in, the row of raw numbers that the model card reads out."""

CODE = {"AutoModel": "modeling_own.OwnModel"}


def save_tokenizer(folder: Path, *, has_types: bool = False) -> Any:
    """One token a byte, the special ones, a chat template, and `[CLS] a [SEP] b [SEP]` for pairs."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *letters])}
    backend = Tokenizer(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    second = "$B:1 [SEP]:1" if has_types else "$B [SEP]"
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair=f"[CLS] $A [SEP] {second}",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    tokenizer: Any = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        cls_token="[CLS]",
        sep_token="[SEP]",
        additional_special_tokens=SPECIAL[5:],
        model_input_names=["input_ids", *(["token_type_ids"] if has_types else []), "attention_mask"],
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    return tokenizer


def vocabulary_size() -> int:
    return len(SPECIAL) + 256


@dataclass(frozen=True)
class Tiny:
    """A checkpoint in a folder, its tokenizer, and the rows that its card's recipe reads."""

    folder: Path
    tokenizer: Any
    row: Recipe

    def chat_ids(self, question: str, answer: str) -> list[int]:
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        text = self.tokenizer.apply_chat_template(turns, tokenize=False)
        ids: list[int] = self.tokenizer(text, add_special_tokens=False).input_ids
        return ids


def finish(folder: Path, model: Any, architecture: str, tensors: dict[str, Any], **config: Any) -> None:
    """Weights and config.json as the publishers of a custom architecture write them."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: t.detach().contiguous() for name, t in tensors.items()}, folder / "model.safetensors")
    told = model.config.to_dict() | {"architectures": [architecture], "auto_map": CODE} | config
    (folder / "config.json").write_text(json.dumps(told, default=str))


def spread(module: Any, seed: int) -> None:
    """Random weights wide enough that scores differ, biases too, which initialisation leaves at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, 0.12, generator=generator)
        for name, parameter in module.named_parameters():
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.normal_(
                    0.1 if "gemma" in type(module).__name__.lower() else 1, 0.1, generator=generator
                )
