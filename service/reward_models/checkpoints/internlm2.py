"""InternLM2 without its published code: a configuration that transformers can read, and its weights by Llama's names.

The network is Llama's; what differs is that queries, keys and values lie in one matrix, interleaved by key-value
head (arXiv 2403.17297, section 2), and the names. This module imports transformers: import it inside functions.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from transformers import AutoConfig, LlamaConfig

_NAMES: Final = (
    ("tok_embeddings.", "embed_tokens."),
    ("attention.wo.", "self_attn.o_proj."),
    ("feed_forward.w1.", "mlp.gate_proj."),
    ("feed_forward.w3.", "mlp.up_proj."),
    ("feed_forward.w2.", "mlp.down_proj."),
    ("attention_norm.", "input_layernorm."),
    ("ffn_norm.", "post_attention_layernorm."),
)


class InternLM2Config(LlamaConfig):
    """The configuration that the models are published with; its fields are Llama's, with `bias` for all biases."""

    model_type = "internlm2"
    bias: bool = False


def register() -> None:
    """Let transformers, and vLLM through it, read the configuration; safe to call again."""
    AutoConfig.register("internlm2", InternLM2Config, exist_ok=True)


def as_llama(weights: Iterable[tuple[str, Any]], config: Any) -> Iterator[tuple[str, Any]]:
    """The body's weights (`model.…`) by the names and shapes of a LlamaModel."""
    heads, groups = config.num_attention_heads, config.num_key_value_heads
    for name, tensor in weights:
        if not name.startswith("model."):
            continue
        name = name.removeprefix("model.")
        if re.search(r"attention\.wqkv\.", name):
            yield from _split(name, tensor, heads // groups, groups)
            continue
        for theirs, llamas in _NAMES:
            name = name.replace(theirs, llamas)
        yield name, tensor


def _split(name: str, fused: Any, queries: int, groups: int) -> Iterator[tuple[str, Any]]:
    """Each group of rows is `queries` query heads, then a key head, then a value head."""
    rest = fused.shape[1:]
    by_group = fused.reshape(groups, queries + 2, -1, *rest)
    for part, rows in (
        ("q_proj", by_group[:, :queries]),
        ("k_proj", by_group[:, queries]),
        ("v_proj", by_group[:, queries + 1]),
    ):
        yield name.replace("attention.wqkv.", f"self_attn.{part}."), rows.reshape(-1, *rest).contiguous()
