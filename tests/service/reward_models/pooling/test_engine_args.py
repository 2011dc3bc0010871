"""The engine's arguments: safe everywhere, float32 and small blocks on CPU, the configuration over both."""

from pathlib import Path

import pytest

from service.reward_models.base.model_config import PoolingEngineConfig
from service.reward_models.pooling.engine_args import engine_arguments

FOLDER = Path("model")


@pytest.mark.parametrize("on_cpu", [True, False])
def test_no_code_no_pickle_and_no_statistics_anywhere(on_cpu: bool) -> None:
    arguments = engine_arguments(PoolingEngineConfig(), FOLDER, on_cpu=on_cpu)
    assert arguments["runner"] == "pooling"
    assert arguments["load_format"] == "safetensors"
    assert arguments["trust_remote_code"] is False
    assert arguments["disable_log_stats"] is True
    assert arguments["enable_prefix_caching"] is True


def test_cpu_reads_in_float32_in_blocks_of_32() -> None:
    arguments = engine_arguments(PoolingEngineConfig(), FOLDER, on_cpu=True)
    assert (arguments["dtype"], arguments["block_size"], arguments["enforce_eager"]) == ("float32", 32, True)
    assert arguments["kv_cache_memory_bytes"] == 512 << 20


def test_elsewhere_vllm_decides_what_is_not_configured() -> None:
    arguments = engine_arguments(PoolingEngineConfig(), FOLDER, on_cpu=False)
    assert (
        not {"dtype", "block_size", "enforce_eager", "kv_cache_memory_bytes", "max_model_len"}
        & arguments.keys()
    )


@pytest.mark.parametrize("on_cpu", [True, False])
def test_the_configuration_has_the_last_word(on_cpu: bool) -> None:
    shape = PoolingEngineConfig(
        "bfloat16", max_model_len=99, max_num_seqs=3, kv_cache_mib=64, gpu_memory_utilization=0.3
    )
    arguments = engine_arguments(shape, FOLDER, on_cpu=on_cpu)
    assert (arguments["dtype"], arguments["max_model_len"], arguments["max_num_seqs"]) == ("bfloat16", 99, 3)
    assert (arguments["kv_cache_memory_bytes"], arguments["gpu_memory_utilization"]) == (64 << 20, 0.3)
