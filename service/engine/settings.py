"""Settings of a generator."""

from typing import Any, Final, Literal

from pydantic import Field

from strategies.base.frozen_model import FrozenModel

EMBEDDED: Final = "embedded"
"""A model path of this word means the embedded model that `nbest embedded build` makes."""


class EngineSettings(FrozenModel):
    """The generator."""

    backend: Literal["vllm", "scripted"] = Field(
        "vllm", description="`scripted` needs no model: for development."
    )
    model: str = Field(
        EMBEDDED, description="`embedded`, or a folder or repository with safetensors weights."
    )
    served_model_name: str | None = Field(
        None, description="Name in `/v1/models`; by default the model's own."
    )
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field("auto", description="Weights' type.")
    max_model_len: int | None = Field(
        None, ge=16, description="Longest prompt and answer together, in tokens."
    )
    max_num_seqs: int = Field(64, ge=1, description="Candidates generated at once, all requests together.")
    kv_cache_mib: int | None = Field(
        None, ge=64, description="Memory for the KV cache in MiB (default: 512 on CPU)."
    )
    gpu_memory_utilization: float | None = Field(
        None, gt=0, le=1, description="Share of the GPU (vLLM's meaning)."
    )
    block_size: int | None = Field(None, description="KV block in tokens (default: 32 on CPU).")
    enforce_eager: bool | None = Field(None, description="Skip compilation (default: yes on CPU).")
    tensor_parallel_size: int = Field(1, ge=1, description="GPUs that share one copy of the model.")
    data_parallel_size: int = Field(1, ge=1, description="Copies of the model.")
    reasoning_parser: str | None = Field(
        None, description="vLLM's parser of what the model thinks (default: `<think>…</think>` is split)."
    )
    tool_parser: str | None = Field(
        None, description="vLLM's parser of the model's tool calls (default: `<tool_call>` tags are read)."
    )
    chat_template: str | None = Field(
        None, description="In place of the model's own: a file with a Jinja template, or the template."
    )
    cpu_cores: str | None = Field(None, description="CPU cores bound, as `0-3` (default: all).")
    engine_args: dict[str, Any] = Field(
        default_factory=dict, description="Further vLLM engine arguments, by name."
    )
