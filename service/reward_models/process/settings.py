"""Settings of process reward models that follow a published convention, and of implicit ones."""

from collections.abc import Mapping
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from service.reward_models.base.settings import NamedScorer, SanityCheck
from service.reward_models.process.formats import Format, StepFormat, convention_of

Runner = Literal["vllm", "transformers"]

_ONLY_FOR: Final[Mapping[Runner, tuple[str, ...]]] = {
    "vllm": ("max_num_seqs", "kv_cache_mib", "gpu_memory_utilization"),
    "transformers": ("device", "max_batch_tokens"),
}


class ReadModel(NamedScorer):
    """What is common to models that are read step by step, whatever loads them."""

    kind: Literal["step"] = Field("step", description="Judges each step of a response.")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        "auto", description="float32 on CPU and in transformers by default."
    )
    max_model_len: int | None = Field(None, ge=16, description="Longest input in tokens.")
    max_num_seqs: int = Field(64, ge=1, description="Inputs read at once (vllm).")
    kv_cache_mib: int | None = Field(
        None, ge=64, description="Memory for the KV cache in MiB (vllm; default: 512 on CPU)."
    )
    gpu_memory_utilization: float | None = Field(
        None, gt=0, le=1, description="Share of the GPU (vLLM's meaning)."
    )
    device: str = Field(
        "cpu",
        pattern=r"^(cpu|cuda(:\d+)?)$",
        description="Where transformers computes: `cpu`, `cuda`, `cuda:1`.",
    )
    max_batch_tokens: int = Field(
        8192, ge=16, description="Tokens that transformers reads at once, padding included."
    )
    cpu_cores: str | None = Field(None, description="CPU cores bound, as `0-3` (default: all).")

    @property
    def runner(self) -> Runner:
        """What loads and runs the model."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _says_nothing_to_another_runner(self) -> Self:
        for owner, fields in _ONLY_FOR.items():
            if owner != self.runner and (stray := self.model_fields_set.intersection(fields)):
                raise ValueError(f"{min(stray)}: goes with {owner}, and this scorer is run by {self.runner}")
        return self


class ProcessScorer(ReadModel):
    """A process reward model in one of the published conventions."""

    backend: Runner = Field("vllm", description="What runs it.")
    model: str = Field(description="A folder or repository with safetensors weights.")
    format: Format | StepFormat = Field(
        description="The convention it was trained in, by name, or written out as an object."
    )
    step_delimiter: str | None = Field(
        None, min_length=1, description="What ends a step (default: the convention's)."
    )
    sanity_check: SanityCheck | Literal[False] | None = Field(
        None,
        description="Before serving begins `chosen` must beat `rejected` (default: a built-in pair; `false`: none).",
    )

    @property
    def convention(self) -> StepFormat:
        return convention_of(self.format)

    @property
    def delimiter(self) -> str:
        """What ends a step in the answers that it judges."""
        return self.step_delimiter or self.convention.delimiter

    @property
    def runner(self) -> Runner:
        return self.backend
