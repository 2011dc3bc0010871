"""Small random checkpoints of every architecture, saved as published ones are, each with the recipe of its model card.

The recipes are written with transformers alone, one text at a time and without padding, and share no code with the
service.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file
from torch import nn

from tests.service.reward_models.tiny_parts import (
    ASSISTANT,
    SPECIAL,
    Recipe,
    Tiny,
    finish,
    save_tokenizer,
    spread,
    vocabulary_size,
)

DECODER: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 32,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
ENCODER: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "cls_token_id": 3,
    "sep_token_id": 4,
    "num_labels": 1,
}


def sequence_classifier(name: str, folder: Path, labels: int = 2, **options: Any) -> Tiny:
    """A decoder with one linear layer, as `AutoModelForSequenceClassification` saves it."""
    config = getattr(transformers, f"{name}Config")(
        vocab_size=vocabulary_size(), num_labels=labels, **DECODER, **options
    )
    # Gemma 2 caps its attention logits, which only the plain implementation does.
    config._attn_implementation = "eager"
    model = getattr(transformers, f"{name}ForSequenceClassification")(config).eval()
    spread(model, 1)
    model.save_pretrained(folder)

    def row(ids: Sequence[int]) -> list[float]:
        with torch.no_grad():
            logits: list[float] = model(input_ids=torch.tensor([list(ids)])).logits[0].tolist()
        return logits

    return Tiny(folder, save_tokenizer(folder), row)


def encoder(name: str, folder: Path, *, has_types: bool = False, **options: Any) -> Tiny:
    """A cross-encoder of one label; its recipe is handed the ids of the pair."""
    config = getattr(transformers, f"{name}Config")(
        vocab_size=vocabulary_size(), **ENCODER, **({"type_vocab_size": 2} if has_types else {}), **options
    )
    model = getattr(transformers, f"{name}ForSequenceClassification")(config).eval()
    spread(model, 2)
    model.save_pretrained(folder)
    tokenizer = save_tokenizer(folder, has_types=has_types)

    def row(ids: Sequence[int]) -> list[float]:
        batch = {"input_ids": torch.tensor([list(ids)])}
        if has_types:
            second = list(ids).index(tokenizer.sep_token_id) + 1
            batch["token_type_ids"] = torch.tensor([[int(i >= second) for i in range(len(ids))]])
        with torch.no_grad():
            logits: list[float] = model(**batch).logits[0].tolist()
        return logits

    return Tiny(folder, tokenizer, row)


def qwen2_reward(folder: Path, labels: int = 1) -> Tiny:
    """Qwen2.5-Math-RM and, with two labels, Qwen2.5-Math-PRM: two layers with a ReLU at every token."""
    config = transformers.Qwen2Config(vocab_size=vocabulary_size(), **DECODER)
    body: Any = transformers.Qwen2Model(config).eval()
    head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, labels))
    spread(body, 3)
    spread(head, 4)
    name = "Qwen2ForRewardModel" if labels == 1 else "Qwen2ForProcessRewardModel"
    tensors = {f"model.{key}": value for key, value in body.state_dict().items()}
    tensors |= {f"score.{key}": value for key, value in head.state_dict().items()}
    finish(folder, body, name, tensors)
    return Tiny(folder, save_tokenizer(folder), _last(body, head))


def value_head(folder: Path) -> Tiny:
    """Skywork-o1-Open-PRM: a value head named as TRL names it."""
    config = transformers.Qwen2Config(vocab_size=vocabulary_size(), **DECODER)
    body: Any = transformers.Qwen2Model(config).eval()
    head = nn.Linear(64, 1)
    spread(body, 5)
    spread(head, 6)
    tensors = {f"model.{key}": value for key, value in body.state_dict().items()}
    tensors |= {f"v_head.summary.{key}": value for key, value in head.state_dict().items()}
    finish(folder, body, "Qwen2ForPrmModel", tensors)
    return Tiny(folder, save_tokenizer(folder), _last(body, head))


def inform(folder: Path) -> Tiny:
    """INF-ORM: a Llama with two layers and a ReLU."""
    config = transformers.LlamaConfig(vocab_size=vocabulary_size(), **DECODER)
    body: Any = transformers.LlamaModel(config).eval()
    head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    spread(body, 7)
    spread(head, 8)
    tensors = {f"model.{key}": value for key, value in body.state_dict().items()}
    tensors |= {f"score.{key}": value for key, value in head.state_dict().items()}
    finish(folder, body, "INFORMForSequenceClassification", tensors)
    return Tiny(folder, save_tokenizer(folder), _last(body, head))


def internlm2(folder: Path) -> Tiny:
    """InternLM2: a Llama under other names, with queries, keys and values in one matrix; a reward token ends it."""
    wide = {"hidden_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2}
    config = transformers.LlamaConfig(vocab_size=vocabulary_size(), **(DECODER | wide))
    body: Any = transformers.LlamaModel(config).eval()
    head = nn.Linear(128, 1, bias=False)
    spread(body, 9)
    spread(head, 10)
    tensors = {"v_head.weight": head.weight, "model.norm.weight": body.norm.weight}
    tensors["model.tok_embeddings.weight"] = body.embed_tokens.weight
    for i, layer in enumerate(body.layers):
        own = f"model.layers.{i}."
        q, k, v = (getattr(layer.self_attn, f"{part}_proj").weight for part in "qkv")
        groups = []
        for group in range(2):
            # Two query heads of 32 rows, then the key head and the value head of the group.
            groups.append(q[group * 64 : group * 64 + 64])
            groups += [part[group * 32 : group * 32 + 32] for part in (k, v)]
        tensors[own + "attention.wqkv.weight"] = torch.cat(groups)
        tensors[own + "attention.wo.weight"] = layer.self_attn.o_proj.weight
        tensors[own + "feed_forward.w1.weight"] = layer.mlp.gate_proj.weight
        tensors[own + "feed_forward.w3.weight"] = layer.mlp.up_proj.weight
        tensors[own + "feed_forward.w2.weight"] = layer.mlp.down_proj.weight
        tensors[own + "attention_norm.weight"] = layer.input_layernorm.weight
        tensors[own + "ffn_norm.weight"] = layer.post_attention_layernorm.weight
    reward_token = SPECIAL.index("</s>")
    told = {key: config.to_dict()[key] for key in DECODER if key not in ("head_dim", "pad_token_id")}
    told |= wide | {"rms_norm_eps": config.rms_norm_eps}
    own_config = {
        "architectures": ["InternLM2ForRewardModel"],
        "auto_map": {"AutoConfig": "configuration_internlm2.InternLM2Config"},
        "model_type": "internlm2",
        "vocab_size": vocabulary_size(),
        "hidden_act": "silu",
        "bias": False,
        "rope_theta": 10000.0,
        "rope_scaling": None,
        "pad_token_id": 2,
        "reward_token_id": reward_token,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: t.detach().contiguous() for name, t in tensors.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(told | own_config))
    last = _last(body, head)
    return Tiny(folder, save_tokenizer(folder), lambda ids: last([*ids, reward_token]))


class Gate(nn.Module):
    """ArmoRM's gating network, by its modelling code: layers with ReLU, softmax with a temperature, a scale."""

    def __init__(self, objectives: int, hidden: int, temperature: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.Linear(64, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, objectives)]
        )
        self.logit_scale = nn.Parameter(torch.ones(1))
        self.temperature = temperature

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.layers[1](torch.relu(self.layers[0](x))))
        return torch.softmax(self.layers[2](x) / self.temperature, dim=1) * self.logit_scale[0]


def armo(folder: Path, objectives: int = 5) -> Tiny:
    """ArmoRM; its recipe's row is the score, then the objectives, then their coefficients as the card computes them."""
    config = transformers.LlamaConfig(vocab_size=vocabulary_size(), **DECODER)
    body: Any = transformers.LlamaModel(config).eval()
    regression = nn.Linear(64, objectives, bias=False)
    gate = Gate(objectives, 24, temperature=2)
    matrix = torch.eye(objectives)
    for module, seed in ((body, 11), (regression, 12), (gate, 13)):
        spread(module, seed)
    matrix[0, 1:] = -0.3
    with torch.no_grad():
        gate.logit_scale.fill_(3.0)
    tensors = {f"model.{key}": value for key, value in body.state_dict().items()}
    tensors |= {"regression_layer.weight": regression.weight, "reward_transform_matrix": matrix}
    tensors |= {f"gating.{key}": value for key, value in gate.state_dict().items()}
    gating = {
        "num_objectives": objectives,
        "gating_temperature": 2,
        "gating_hidden_dim": 24,
        "gating_n_hidden": 2,
    }
    finish(folder, body, "LlamaForRewardModelWithGating", tensors, **gating)
    tokenizer = save_tokenizer(folder)
    header = tokenizer(ASSISTANT, add_special_tokens=False).input_ids

    def row(ids: Sequence[int]) -> list[float]:
        places = [i for i in range(len(ids)) if list(ids[i : i + len(header)]) == header]
        with torch.no_grad():
            hidden = body(input_ids=torch.tensor([list(ids)])).last_hidden_state[0]
            rewards = regression(hidden[-1:])
            gated = gate(hidden[places[-1]][None])
            score = (gated * (rewards @ matrix)).sum(dim=1)
            coefficients = gated @ matrix.T
        return [*score.tolist(), *rewards[0].tolist(), *coefficients[0].tolist()]

    return Tiny(folder, tokenizer, row)


def language_model(folder: Path, name: str = "Llama", **options: Any) -> Tiny:
    """A causal language model; its recipe's row is the log-probability of each token after the first."""
    config = getattr(transformers, f"{name}Config")(vocab_size=vocabulary_size(), **DECODER, **options)
    config._attn_implementation = "eager"
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    spread(model, 14)
    model.save_pretrained(folder)

    def row(ids: Sequence[int]) -> list[float]:
        with torch.no_grad():
            logprobs = model(input_ids=torch.tensor([list(ids)])).logits[0].log_softmax(-1)
        return [logprobs[i - 1, ids[i]].item() for i in range(1, len(ids))]

    return Tiny(folder, save_tokenizer(folder), row)


def _last(body: Any, head: Any) -> Recipe:
    def row(ids: Sequence[int]) -> list[float]:
        with torch.no_grad():
            values: list[float] = head(
                body(input_ids=torch.tensor([list(ids)])).last_hidden_state[0, -1]
            ).tolist()
        return values

    return row


CHAT: dict[str, Callable[[Path], Tiny]] = {
    "llama": lambda folder: sequence_classifier("Llama", folder),
    "qwen2": lambda folder: sequence_classifier("Qwen2", folder),
    "qwen3": lambda folder: sequence_classifier("Qwen3", folder),
    "mistral": lambda folder: sequence_classifier("Mistral", folder, sliding_window=None),
    "gemma2": lambda folder: sequence_classifier(
        "Gemma2", folder, query_pre_attn_scalar=32, sliding_window=256
    ),
    "qwen2_reward": qwen2_reward,
    "internlm2": internlm2,
}
"""What both backends load, by a name for the test."""

PAIRS: dict[str, Callable[[Path], Tiny]] = {
    "bert": lambda folder: encoder("Bert", folder, has_types=True),
    "xlm_roberta": lambda folder: encoder("XLMRoberta", folder),
    "modernbert": lambda folder: encoder("ModernBert", folder),
}
"""Cross-encoders."""
