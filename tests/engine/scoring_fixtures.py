"""One pooling engine for the whole run, on a reward model whose head is random: equality needs no training."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.embedded.build import build_generator
from service.embedded.chat_templates import REWARD_TEMPLATE
from service.engine.group_lock import GroupLock
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.loading.loader import load_scorers
from service.reward_models.pooling.engine import PoolingEngine
from service.reward_models.pooling.settings import ScorerSettings

MAX_MODEL_LEN = 512
LABELS = 2


@dataclass(frozen=True)
class Scoring:
    """The loaded scorers, the engine they share, its turns, and the checkpoint for the recipe of transformers."""

    scorers: LoadedScorers
    engine: PoolingEngine
    lock: GroupLock
    checkpoint: Path


def save_random_reward_model(base: Path, folder: Path, *, seed: int = 0) -> Path:
    """The generator's body with a random head of two labels, saved as any published reward model is."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model: Any = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=LABELS, dtype=torch.float32
    )
    with torch.no_grad():
        model.score.weight.normal_(0, 0.05, generator=torch.Generator().manual_seed(seed))
    model.save_pretrained(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = REWARD_TEMPLATE
    tokenizer.save_pretrained(folder)
    return folder


def save_tiny_reward_model(base: Path, folder: Path) -> Path:
    """Two small random layers under the generator's tokenizer: loads in a moment, for tests of life and death."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForSequenceClassification

    torch.manual_seed(0)
    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = REWARD_TEMPLATE
    tokenizer.save_pretrained(folder)
    config: Any = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        num_labels=LABELS,
    )
    model: Any = LlamaForSequenceClassification(config)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def generator_checkpoint() -> Path:
    return build_generator()


@pytest.fixture(scope="session")
def reward_checkpoint(generator_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_reward_model(generator_checkpoint, tmp_path_factory.mktemp("reward"))


@pytest.fixture(scope="session")
def scoring(reward_checkpoint: Path) -> Iterator[Scoring]:
    lock = GroupLock()
    shared = {"model": str(reward_checkpoint), "max_model_len": MAX_MODEL_LEN, "kv_cache_mib": 256}
    settings = [
        ScorerSettings.model_validate({"name": "outcome", "kind": "outcome", "label": 0, **shared}),
        ScorerSettings.model_validate({"name": "step", "kind": "step", "label": 1, **shared}),
    ]
    scorers = load_scorers(settings, str, lock)
    engine = scorers.engines["outcome"]
    assert isinstance(engine, PoolingEngine)
    try:
        yield Scoring(scorers, engine, lock, reward_checkpoint)
    finally:
        engine.close()


@dataclass(frozen=True)
class Doomed:
    """Scorers on an engine of their own, and the processes of that engine."""

    scorers: LoadedScorers
    processes: list[int]


@pytest.fixture
def doomed(generator_checkpoint: Path, tmp_path: Path) -> Iterator[Doomed]:
    model = str(save_tiny_reward_model(generator_checkpoint, tmp_path / "tiny"))
    others = set(multiprocessing.active_children())
    scorers = load_scorers(
        [ScorerSettings(name="doomed", kind="outcome", model=model, kv_cache_mib=64)], str, GroupLock()
    )
    cores = [process.pid for process in set(multiprocessing.active_children()) - others if process.pid]
    try:
        yield Doomed(scorers, [pid for core in cores for pid in (*children_of(core), core)])
    finally:
        scorers.engines["doomed"].close()


def children_of(process: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
