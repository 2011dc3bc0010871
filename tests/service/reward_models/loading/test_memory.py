"""Memory shares: hand-made sums, both refusals with the table, and what the kernel and the container leave."""

from pathlib import Path

import pytest
import torch

from service.engine.settings import EngineSettings
from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.implicit.settings import ImplicitScorer
from service.reward_models.loading.memory import (
    VLLM_SHARE,
    Share,
    check_fit,
    free_memory,
    generator_share,
    read_share,
    scorer_share,
)
from service.reward_models.loading.plan import plans, read_models
from service.reward_models.pooling.settings import ScorerSettings, TransformersScorer
from tests.service.reward_models.checkpoints.making import save

GIB = 1 << 30


def test_on_cpu_a_generator_takes_its_weights_its_cache_and_its_processes(tmp_path: Path) -> None:
    save(tmp_path)
    share = generator_share("generator", EngineSettings(kv_cache_mib=256), str(tmp_path), on_cpu=True)
    assert (share.weights, share.cache, share.gpu) == (20 * 2, 256 << 20, None)
    twice = EngineSettings(dtype="float32", data_parallel_size=2)
    share = generator_share("generator", twice, str(tmp_path), on_cpu=True)
    assert (share.weights, share.cache) == (20 * 4 * 2, 1024 << 20)
    assert generator_share("generator", EngineSettings(), "owner/name", on_cpu=True).weights is None


def test_scorers_are_float32_on_cpu_and_claim_a_part_of_a_gpu(tmp_path: Path) -> None:
    model = str(save(tmp_path))
    here = ScorerSettings(name="a", kind="outcome", model=model, gpu_memory_utilization=0.2)
    other = TransformersScorer(name="b", kind="outcome", model=model, backend="transformers")
    on_vllm, on_worker = plans([here, other], str)
    assert scorer_share(on_vllm, on_cpu=True) == Share("scorer a", 20 * 4, 512 << 20)
    assert scorer_share(on_vllm, on_cpu=False) == Share("scorer a", 20 * 2, 0, gpu=0.2)
    assert scorer_share(on_worker, on_cpu=False) == Share("scorer b", 20 * 4, 0)


def test_both_models_of_an_implicit_reward_are_counted(tmp_path: Path) -> None:
    policy, reference = str(save(tmp_path / "a")), str(save(tmp_path / "b"))
    asked: dict[str, object] = {"name": "i", "backend": "implicit", "model": policy, "reference": reference}
    asked["kv_cache_mib"] = 128
    on_vllm = ImplicitScorer.model_validate(asked)
    found = read_models([on_vllm], str)
    assert [folder for _, folder in found] == [Path(policy), Path(reference)]
    shares = [read_share(scorer, folder, on_cpu=True) for scorer, folder in found]
    assert shares == [Share("scorer i", 20 * 4, 128 << 20)] * 2
    assert read_share(on_vllm, Path(policy), on_cpu=False).gpu == VLLM_SHARE
    asked.pop("kv_cache_mib")
    worker = ImplicitScorer.model_validate(asked | {"runs_on": "transformers"})
    assert read_share(worker, Path(policy), on_cpu=False) == Share("scorer i", 20 * 4, 0)


def test_what_does_not_fit_in_memory_is_refused_with_the_table() -> None:
    shares = [Share("generator", 6 * GIB, GIB, GIB), Share("scorer a", 3 * GIB, GIB, GIB)]
    assert "13.0 needed, 13.0 free" in check_fit(shares, 13 * GIB)
    with pytest.raises(ScorerLoadError, match=r"need 13\.0 GiB of memory and 12\.9 GiB are free") as error:
        check_fit(shares, round(12.9 * GIB))
    assert "scorer a" in str(error.value)
    assert "13.0 needed, unknown free" in check_fit(shares, None)


def test_parts_of_a_gpu_that_exceed_it_are_refused_with_the_table() -> None:
    fits = [Share("generator", GIB, 0, gpu=0.7), Share("a", GIB, 0, gpu=0.2), Share("b", GIB, 0, gpu=0.1)]
    assert "of each GPU: 1.00 claimed" in check_fit(fits, None)
    with pytest.raises(
        ScorerLoadError, match=r"claim 1\.84 of one GPU: give each a `gpu_memory_utilization`"
    ):
        check_fit([Share("generator", GIB, 0, gpu=0.92), Share("a", GIB, 0, gpu=0.92)], 100 * GIB)


def test_weights_that_are_not_known_yet_are_told_as_such() -> None:
    assert " ? " in check_fit([Share("generator", None, GIB)], None)


def test_free_memory_is_the_least_of_kernel_and_container(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 16 kB\nMemAvailable:   8 kB\n")
    assert free_memory(meminfo, tmp_path) == 8 << 10
    for name, text in (
        ("memory.max", "6000"),
        ("memory.current", "3000"),
        ("memory.stat", "inactive_file 500\n"),
    ):
        (tmp_path / name).write_text(text)
    assert free_memory(meminfo, tmp_path) == 3500
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(meminfo, tmp_path) == 8 << 10
    assert free_memory(tmp_path / "absent", tmp_path) is None


def test_a_scorer_of_a_real_size_is_counted_by_its_own_header(tmp_path: Path) -> None:
    tensors = {"model.embed_tokens.weight": torch.zeros(64, 32), "score.weight": torch.ones(2, 32)}
    model = str(save(tmp_path, tensors=tensors))
    (plan,) = plans([ScorerSettings(name="a", kind="outcome", model=model, dtype="bfloat16")], str)
    assert scorer_share(plan, on_cpu=True).weights == (64 * 32 + 2 * 32) * 2
