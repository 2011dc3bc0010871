"""Settings to vLLM's engine arguments: vLLM's own defaults on a GPU, measured ones on CPU."""

import os
from pathlib import Path
from typing import Any, Final

from service.engine.host.cpu_cores import as_list, usable_cores
from service.engine.settings import EngineSettings

CPU_KV_CACHE_MIB: Final = 512
CPU_BLOCK_SIZE: Final = 32
TOP_H: Final = "service.engine.vllm.logits_processors:TopH"
"""Named here rather than imported: vLLM imports it in each of its processes."""


def prepare_environment(model_path: str) -> None:
    """Set what vLLM reads as it is imported; what the user has set stays, but for one setting.

    A model in a local folder needs no network, so the hub is left alone; a repository's name is looked up.
    """
    quiet_environment()
    if Path(model_path).is_dir():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    # Process-wide and in whole GiB, it would override the size that each engine is given.
    os.environ.pop("VLLM_CPU_KVCACHE_SPACE", None)


def quiet_environment() -> None:
    """Set what keeps the model libraries from talking, before the first of them is imported."""
    quiet = {
        "VLLM_LOGGING_LEVEL": "ERROR",
        "TORCH_CPP_LOG_LEVEL": "ERROR",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    # The first is read by the engine's processes alone: this one runs already.
    quiet |= {"PYTHONWARNINGS": "ignore", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    for name, value in quiet.items():
        os.environ.setdefault(name, value)


_BINDING: Final = "VLLM_CPU_OMP_THREADS_BIND"
_USERS_BINDING: Final = os.environ.get(_BINDING)
"""Read before any engine has set the variable for itself."""


def bind_threads(threads: str | None, workers: int, users: str | None = _USERS_BINDING) -> None:
    """Choose the cores of the engine that is built next: as configured, as the user's environment says, or all.

    vLLM's own choice would leave one core idle for each worker; it stands where there are several.
    """
    chosen = threads or users or (as_list(usable_cores()) if workers == 1 else None)
    if chosen is None:
        os.environ.pop(_BINDING, None)
    else:
        os.environ[_BINDING] = chosen


def engine_arguments(
    settings: EngineSettings, model_path: str, served_name: str, *, on_cpu: bool
) -> dict[str, Any]:
    """The arguments by vLLM's names; `settings.engine_args` has the last word."""
    wanted: dict[str, Any] = {
        "model": model_path,
        "served_model_name": served_name,
        "dtype": settings.dtype,
        "max_model_len": settings.max_model_len,
        "max_num_seqs": settings.max_num_seqs,
        "gpu_memory_utilization": settings.gpu_memory_utilization,
        "kv_cache_memory_bytes": settings.kv_cache_mib and settings.kv_cache_mib << 20,
        "block_size": settings.block_size,
        "enforce_eager": settings.enforce_eager,
        "tensor_parallel_size": settings.tensor_parallel_size,
        "data_parallel_size": settings.data_parallel_size,
        "reasoning_parser": settings.reasoning_parser,
        "logits_processors": [TOP_H],
        "scheduling_policy": "priority",
        "disable_log_stats": False,
        "enable_log_requests": False,
        "use_tqdm_on_load": False,
        "trust_remote_code": False,
        # vLLM's own choice differs from schema to schema, but its engine keeps the first one's for all that follow.
        # This one refuses by name what it does not honour; schemas are examined with it before anything is drawn.
        "structured_outputs_config": {"backend": "guidance"},
    }
    given = {name: value for name, value in wanted.items() if value is not None and value != "auto"}
    return {**(_cpu_defaults(settings) if on_cpu else {}), **given, **settings.engine_args}


def _cpu_defaults(settings: EngineSettings) -> dict[str, Any]:
    return {
        "block_size": CPU_BLOCK_SIZE,
        "enforce_eager": True,
        "kv_cache_memory_bytes": CPU_KV_CACHE_MIB << 20,
        # A seeded request whose prompt is split over two steps kills vLLM's CPU engine (torch's CPU generator
        # cannot be rewound); without chunked prefill a prompt waits until it fits a step whole.
        "enable_chunked_prefill": False,
    } | ({"dtype": "bfloat16"} if settings.dtype == "auto" else {})
