"""Settings of reward models whose weights are loaded here."""

from typing import Literal, Self

from pydantic import Field, model_validator

from service.engine.settings import EMBEDDED
from service.reward_models.base.settings import NamedScorer, SanityCheck


class LoadedModel(NamedScorer):
    """What every scorer has whose weights are loaded here, whatever loads them."""

    model: str = Field(
        EMBEDDED, description="`embedded`, or a folder or repository with safetensors weights."
    )
    input: Literal["chat", "pair"] = Field(
        "chat", description="The model's chat template, or question and answer as a pair (cross-encoders)."
    )
    template: str | None = Field(
        None, description="File with a Jinja chat template, where the model's own is not the one to use."
    )
    label: int = Field(0, ge=0, description="Row of the head that holds the score.")
    activation: Literal["none", "sigmoid", "softmax"] = Field(
        "none", description="Applied to the raw logits."
    )
    step_delimiter: str = Field("\n", min_length=1, description="What ends a step (step scorers).")
    max_model_len: int | None = Field(None, ge=16, description="Longest input in tokens.")
    truncation: Literal["error", "truncate_left"] = Field(
        "error",
        description="A longer input is an error, or is read without its beginning and flagged (outcome scorers).",
    )
    sanity_check: SanityCheck | Literal[False] | None = Field(
        None,
        description="Before serving begins `chosen` must beat `rejected` (default: a built-in pair; `false`: none).",
    )
    cpu_cores: str | None = Field(None, description="CPU cores bound, as `0-3` (default: all).")

    @model_validator(mode="after")
    def _fits_the_kind(self) -> Self:
        if self.kind == "step" and self.truncation != "error":
            raise ValueError(
                "truncation: steps that were cut off have no score: only outcome scorers truncate"
            )
        if self.input == "pair" and (self.kind == "step" or self.truncation != "error"):
            raise ValueError("input: a pair is judged whole: use kind outcome, and truncation error")
        return self


class ScorerSettings(LoadedModel):
    """One reward model under one name; two scorers with the same model and dtype share one engine."""

    backend: Literal["vllm", "scripted"] = Field("vllm", description="What runs it.")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        "auto", description="float32 on CPU by default."
    )
    max_num_seqs: int = Field(64, ge=1, description="Inputs read at once.")
    kv_cache_mib: int | None = Field(
        None, ge=64, description="Memory for the KV cache in MiB (default: 512 on CPU)."
    )
    gpu_memory_utilization: float | None = Field(
        None, gt=0, le=1, description="Share of the GPU (vLLM's meaning)."
    )


class TransformersScorer(LoadedModel):
    """A reward model that vLLM cannot load, read by transformers in a process of its own."""

    backend: Literal["transformers"] = Field(description="What runs it.")
    dtype: Literal["float32", "bfloat16"] = Field(
        "float32", description="Type of the body; the head is float32."
    )
    device: str = Field(
        "cpu", pattern=r"^(cpu|cuda(:\d+)?)$", description="Where it computes: `cpu`, `cuda`, `cuda:1`."
    )
    max_batch_tokens: int = Field(
        8192, ge=16, description="Tokens read at once, padding included; a longer input is read alone."
    )


Loaded = ScorerSettings | TransformersScorer
"""A scorer whose weights are loaded here."""
