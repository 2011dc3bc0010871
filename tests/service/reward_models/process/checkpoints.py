"""Tiny checkpoints of every convention, saved as the published ones are: random weights under trained tokenizers."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

_TEXT = """Tom has three red apples and buys four more so he has seven now . Step 1 : 3 + 4 = 7 2 - 5 * 6 therefore the
answer is 42 what how many ки + - = né 数 add first then we get x y again ки + - ки + -"""
WORDS = _TEXT.split()
SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\n" + SYSTEM + "<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
# The pre-tokeniser of Qwen2 and Llama 3.
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 512,
    # Ten times the usual: scores of the usual ones are all but equal.
    "initializer_range": 0.2,
}


def byte_level(specials: list[AddedToken], **more: Any) -> PreTrainedTokenizerFast:
    """A tokenizer of the kind of Qwen2 and Llama 3."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([" ".join(WORDS), " \n\n\n\nso \n\n\n\nand"] * 9, trainer)
    tokenizer.add_tokens(specials)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **more)


def sentence_piece() -> PreTrainedTokenizerFast:
    """A tokenizer of the kind of Mistral and Llama 2: a space in front, bytes for what it lacks, `<s>` by itself."""
    alphabet = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer = Tokenizer(BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    # Word by word, so that no token is made of two.
    trainer = BpeTrainer(vocab_size=520, special_tokens=alphabet, show_progress=False)
    tokenizer.train_from_iterator(WORDS * 9, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


def qwen_tokenizer(*, separator_is_special: bool = True) -> PreTrainedTokenizerFast:
    specials = [AddedToken(word, special=True) for word in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
    specials.append(AddedToken("<extra_0>", special=separator_is_special))
    return byte_level(
        specials,
        bos_token="<|endoftext|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHATML,
    )


def llama_tokenizer() -> PreTrainedTokenizerFast:
    names = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
    return byte_level(
        [AddedToken(word, special=True) for word in names],
        bos_token=names[0],
        eos_token=names[3],
        chat_template=LLAMA3,
    )


def save_math_shepherd(folder: Path) -> Path:
    tokenizer = sentence_piece()
    return _save(folder, tokenizer, MistralForCausalLM(MistralConfig(**_config(tokenizer))))


def save_rlhflow(folder: Path) -> Path:
    tokenizer = llama_tokenizer()
    return _save(folder, tokenizer, LlamaForCausalLM(LlamaConfig(**_config(tokenizer))))


def save_multi_rm(folder: Path) -> Path:
    tokenizer = qwen_tokenizer()
    config = Qwen2Config(**_config(tokenizer), tie_word_embeddings=True)
    return _save(folder, tokenizer, Qwen2ForCausalLM(config))


def save_qwen_math_prm(folder: Path, *, separator_is_special: bool = True) -> Path:
    """As Qwen2.5-Math-PRM: a head of two layers, and the name of code that nobody runs."""
    tokenizer = qwen_tokenizer(separator_is_special=separator_is_special)
    body = Qwen2ForCausalLM(Qwen2Config(**_config(tokenizer)))
    hidden = SIZES["hidden_size"]
    head = {"score.0": torch.nn.Linear(hidden, hidden), "score.2": torch.nn.Linear(hidden, 2)}
    return _save_with_head(folder, tokenizer, body, head, "Qwen2ForProcessRewardModel")


def save_skywork_prm(folder: Path) -> Path:
    """As Skywork-o1-Open-PRM: a causal model and a value head, by the names that TRL gives."""
    tokenizer = qwen_tokenizer()
    body = Qwen2ForCausalLM(Qwen2Config(**_config(tokenizer)))
    head = {"v_head.summary": torch.nn.Linear(SIZES["hidden_size"], 1)}
    return _save_with_head(folder, tokenizer, body, head, "Qwen2ForPrmModel")


def save_language_model(folder: Path, seed: int) -> Path:
    """A policy or a reference: equal tokenizers, weights by the seed."""
    tokenizer = qwen_tokenizer()
    return _save(folder, tokenizer, Qwen2ForCausalLM, seed=seed)


def _config(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    torch.manual_seed(0)
    return SIZES | {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}


def _save(folder: Path, tokenizer: PreTrainedTokenizerFast, model: Any, seed: int | None = None) -> Path:
    if seed is not None:
        config = _config(tokenizer)
        torch.manual_seed(seed)
        model = model(Qwen2Config(**config))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _save_with_head(
    folder: Path,
    tokenizer: PreTrainedTokenizerFast,
    body: Any,
    head: Mapping[str, torch.nn.Linear],
    architecture: str,
) -> Path:
    _save(folder, tokenizer, body)
    tensors = dict(_named(body.state_dict().items()))
    for name, layer in head.items():
        tensors |= dict(_named((f"{name}.{part}", value) for part, value in layer.state_dict().items()))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    code = {"AutoModel": f"modeling.{architecture}"}
    (folder / "config.json").write_text(
        json.dumps(config | {"architectures": [architecture], "auto_map": code})
    )
    return folder


def _named(items: Any) -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in items:
        yield name, value.detach().clone().contiguous()
