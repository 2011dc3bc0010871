"""How a reward model's vLLM engine is started and asked: the only place here that knows vLLM's arguments."""

from pathlib import Path
from typing import Any, Literal

from service.engine.vllm.engine_args import (
    CPU_BLOCK_SIZE,
    CPU_KV_CACHE_MIB,
    bind_threads,
    prepare_environment,
)
from service.reward_models.base.model_config import PoolingEngineConfig

Task = Literal["classify", "token_classify"]


def start_engine(shape: PoolingEngineConfig, checkpoint: Path) -> Any:
    """A running AsyncLLM on the checkpoint. Nothing is fetched, and no code in the checkpoint runs."""
    prepare_environment(str(checkpoint))
    bind_threads(shape.cpu_cores, workers=1)
    from vllm import AsyncEngineArgs
    from vllm.config import PoolerConfig
    from vllm.platforms import current_platform
    from vllm.v1.engine.async_llm import AsyncLLM

    from service.reward_models.checkpoints.internlm2 import register

    register()
    arguments = engine_arguments(shape, checkpoint, on_cpu=current_platform.is_cpu())
    # Never STEP: it turns prefix caching and chunked prefill off for the whole engine.
    pooler = None if shape.reads == "text" else PoolerConfig(tok_pooling_type="ALL")
    return AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments, pooler_config=pooler))


def engine_arguments(shape: PoolingEngineConfig, checkpoint: Path, *, on_cpu: bool) -> dict[str, Any]:
    """The arguments by vLLM's names; float32 on CPU, since bf16 moved the embedded model's raw scores by up to 0.07."""
    wanted: dict[str, Any] = {
        "model": str(checkpoint),
        "runner": "pooling",
        "dtype": shape.dtype,
        "load_format": shape.load_format,
        "trust_remote_code": False,
        "max_model_len": shape.max_model_len,
        "max_num_seqs": shape.max_num_seqs,
        "gpu_memory_utilization": shape.gpu_memory_utilization,
        "kv_cache_memory_bytes": shape.kv_cache_mib and shape.kv_cache_mib << 20,
        "hf_overrides": shape.overrides,
        # What looks both ways reads a text anew whenever a token is added to it.
        "enable_prefix_caching": shape.reads != "text",
        # A second engine that counts would take the generator's metrics out of the registry.
        "disable_log_stats": True,
        "enable_log_requests": False,
        # It is handed token ids; its tokenizer would be read, and copied twice, for nothing.
        "skip_tokenizer_init": True,
        "use_tqdm_on_load": False,
    }
    given = {name: value for name, value in wanted.items() if value is not None and value != "auto"}
    return {**(_cpu_defaults() if on_cpu else {}), **given}


def _cpu_defaults() -> dict[str, Any]:
    return {
        "dtype": "float32",
        "block_size": CPU_BLOCK_SIZE,
        "enforce_eager": True,
        "kv_cache_memory_bytes": CPU_KV_CACHE_MIB << 20,
    }


def pooling_params(task: Task, reads_cache: bool) -> Any:
    """Raw logits. By default vLLM reads the whole input again for `token_classify`; with `reads_cache` it does not."""
    from vllm import PoolingParams

    return PoolingParams(task=task, use_activation=False, skip_reading_prefix_cache=not reads_cache)
