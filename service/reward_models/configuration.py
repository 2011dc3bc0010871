"""The `scorers` section of the settings: one class a backend, told apart by the word `backend`."""

from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag

from service.section import EMBEDDED, Section

_DEFAULT: Final = "vllm"


class NamedScorer(Section):
    """What every scorer has, whatever runs it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", description="Name that requests use.")
    kind: Literal["outcome", "step"] = Field(description="Judges whole responses, or each step of one.")


class ScorerSettings(NamedScorer):
    """One reward model under one name; two scorers with the same model and dtype share one engine."""

    backend: Literal["vllm", "scripted"] = Field("vllm", description="What runs it.")
    model: str = Field(
        EMBEDDED, description="`embedded`, or a folder or repository with safetensors weights."
    )
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        "auto", description="float32 on CPU by default."
    )
    label: int = Field(0, ge=0, description="Row of the head that holds the score.")
    activation: Literal["none", "sigmoid", "softmax"] = Field(
        "none", description="Applied to the raw logits."
    )
    step_delimiter: str = Field("\n", min_length=1, description="What ends a step (step scorers).")
    max_model_len: int | None = Field(None, ge=16, description="Longest input in tokens.")
    max_num_seqs: int = Field(64, ge=1, description="Inputs read at once.")
    kv_cache_mib: int | None = Field(
        None, ge=64, description="Memory for the KV cache in MiB (default: 512 on CPU)."
    )
    gpu_memory_utilization: float | None = Field(
        None, gt=0, le=1, description="Share of the GPU (vLLM's meaning)."
    )
    threads: str | None = Field(None, description="CPU cores bound, as `0-3` (default: all).")


def _backend(scorer: Any) -> str:
    """The word that chooses the class of a scorer's settings; one left out means a vLLM engine."""
    found = (
        scorer.get("backend", _DEFAULT) if isinstance(scorer, dict) else getattr(scorer, "backend", _DEFAULT)
    )
    return str(found)


AnyScorer = Annotated[
    Annotated[ScorerSettings, Tag("vllm")] | Annotated[ScorerSettings, Tag("scripted")],
    Discriminator(_backend),
]
"""The settings of one scorer. A new backend is one class, one line here, and one line in `loader.BUILDERS`."""
