"""Settings become engine arguments: vLLM's defaults on a GPU, safe ones on CPU, and the user has the last word."""

import os
from pathlib import Path
from typing import Any

import pytest

from service.engine.host.cpu_cores import as_list, usable_cores
from service.engine.settings import EngineSettings
from service.engine.vllm.engine_args import bind_threads, engine_arguments, prepare_environment


def arguments(*, on_cpu: bool, **settings: Any) -> dict[str, Any]:
    return engine_arguments(EngineSettings(**settings), "/models/m", "m", on_cpu=on_cpu)


def test_a_gpu_keeps_vllms_own_defaults() -> None:
    given = arguments(on_cpu=False)
    unset = {
        "dtype",
        "block_size",
        "enforce_eager",
        "kv_cache_memory_bytes",
        "enable_chunked_prefill",
        "max_model_len",
    }
    assert not unset & given.keys()


def test_on_cpu_no_seeded_prompt_can_be_split() -> None:
    given = arguments(on_cpu=True)
    assert given["enable_chunked_prefill"] is False
    assert (given["dtype"], given["block_size"], given["enforce_eager"]) == ("bfloat16", 32, True)
    assert given["kv_cache_memory_bytes"] == 512 << 20


def test_settings_and_then_extra_have_the_last_word() -> None:
    given = arguments(
        on_cpu=True,
        dtype="float32",
        kv_cache_mib=64,
        enforce_eager=False,
        block_size=64,
        engine_args={"block_size": 128, "seed": 1},
    )
    assert (given["dtype"], given["kv_cache_memory_bytes"], given["enforce_eager"]) == (
        "float32",
        64 << 20,
        False,
    )
    assert (given["block_size"], given["seed"]) == (128, 1)


def test_the_process_wide_cache_size_is_unset_and_the_users_choices_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "VLLM_LOGGING_LEVEL", "VLLM_CPU_KVCACHE_SPACE"):
        monkeypatch.setenv(name, "before")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    prepare_environment("owner/name")
    assert "HF_HUB_OFFLINE" not in os.environ
    prepare_environment(str(tmp_path))
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert os.environ["VLLM_LOGGING_LEVEL"] == "before"
    assert "VLLM_CPU_KVCACHE_SPACE" not in os.environ


@pytest.mark.parametrize(
    ("threads", "workers", "users", "bound"),
    [
        ("0-3", 1, "7", "0-3"),
        ("0|1", 2, None, "0|1"),
        (None, 1, "7", "7"),
        (None, 2, "7|8", "7|8"),
        (None, 1, None, as_list(usable_cores())),
        (None, 2, None, None),
    ],
)
def test_cores_are_bound_as_configured_else_as_the_user_says_else_all(
    monkeypatch: pytest.MonkeyPatch, threads: str | None, workers: int, users: str | None, bound: str | None
) -> None:
    monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "of the engine before")
    bind_threads(threads, workers, users)
    assert os.environ.get("VLLM_CPU_OMP_THREADS_BIND") == bound


@pytest.mark.parametrize(
    ("quota", "most"),
    [("max 100000\n", None), ("150000 100000\n", 2), ("1000 100000\n", 1), ("nonsense", None)],
)
def test_a_containers_quota_limits_the_cores(tmp_path: Path, quota: str, most: int | None) -> None:
    every = usable_cores(tmp_path / "absent")
    (tmp_path / "cpu.max").write_text(quota)
    assert usable_cores(tmp_path / "cpu.max") == every[:most]
