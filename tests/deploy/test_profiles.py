"""The settings that come with the deployment are valid and fit the machines they are named for."""

from pathlib import Path

import pytest
import yaml

from service.app import check_presets
from service.engine.settings import EMBEDDED, EngineSettings
from service.reward_models.pooling.settings import ScorerSettings
from service.settings import Settings

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "profiles"
GPUS = {"embedded-cpu": 0, "gpu-24gb": 1, "gpu-80gb": 1, "gpu-8x80gb": 8}


def loaded(settings: Settings) -> list[EngineSettings | ScorerSettings]:
    """The sections that take a share of a GPU; every scorer of a profile is a vLLM engine's."""
    scorers = [scorer for scorer in settings.loaded_scorers if isinstance(scorer, ScorerSettings)]
    assert len(scorers) == len(settings.loaded_scorers)
    return [settings.engine, *scorers]


def load(name: str) -> Settings:
    return Settings.load(FOLDER / f"{name}.yaml")


def test_these_are_all() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(GPUS)


@pytest.mark.parametrize("name", GPUS)
def test_a_profile_is_valid(name: str) -> None:
    settings = load(name)
    assert check_presets(settings)
    scorers = {scorer.name for scorer in settings.loaded_scorers}
    assert all(preset.get("scorer", "outcome") in scorers for preset in settings.presets.values())
    drawn = [preset.get("n", 1) for preset in settings.presets.values()]
    assert max(drawn) <= settings.limits.max_n
    assert max(drawn) * settings.limits.default_max_tokens <= settings.limits.max_request_tokens


@pytest.mark.parametrize("name", GPUS)
def test_a_profile_listens_where_the_image_says(name: str) -> None:
    assert "server" not in yaml.safe_load((FOLDER / f"{name}.yaml").read_text())


@pytest.mark.parametrize(("name", "gpus"), GPUS.items())
def test_a_profile_uses_the_gpus_that_it_is_named_for(name: str, gpus: int) -> None:
    engine = load(name).engine
    if gpus:
        assert engine.tensor_parallel_size * engine.data_parallel_size == gpus
    else:
        assert engine.model == EMBEDDED


@pytest.mark.parametrize("name", [name for name, gpus in GPUS.items() if gpus])
def test_generator_and_reward_models_share_a_gpu(name: str) -> None:
    """vLLM's shares are of the whole memory; a twentieth is left for CUDA itself."""
    shares = [section.gpu_memory_utilization for section in loaded(load(name))]
    assert all(shares)
    assert sum(share or 0 for share in shares) <= 0.95


@pytest.mark.parametrize("name", [name for name, gpus in GPUS.items() if gpus])
def test_models_are_folders_of_the_mounted_volume(name: str) -> None:
    """The image is offline: a repository's name would be looked up in vain."""
    assert all(section.model.startswith("/models/") for section in loaded(load(name)))
