"""How a reward model is run: what its engine or its worker process is started with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.reward_models.base.ports import Reads


@dataclass(frozen=True, slots=True)
class PoolingEngineConfig:
    """The settings of one pooling engine; None leaves the choice to vLLM, or on CPU to measured values.

    `types_after` is the token behind which an input is the second text of a pair, for models with token types;
    `overrides` take the place of what config.json says; a `load_format` of `dummy` invents the weights.
    """

    dtype: str = "auto"
    max_model_len: int | None = None
    max_num_seqs: int = 64
    kv_cache_mib: int | None = None
    gpu_memory_utilization: float | None = None
    cpu_cores: str | None = None
    reads: Reads = "both"
    types_after: int | None = None
    overrides: Mapping[str, Any] | None = None
    load_format: str = "safetensors"


@dataclass(frozen=True, slots=True)
class WorkerShape:
    """The settings of one worker; a `max_model_len` of None is the model's own."""

    dtype: str = "float32"
    device: str = "cpu"
    max_model_len: int | None = None
    max_batch_tokens: int = 8192
    cpu_cores: str | None = None
    reads: Reads = "both"
    types_after: int | None = None
