"""How a scorer that is no pooling model is built: from its settings, and from what is loaded by then."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.engine.group_lock import GroupLock
from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.language import LanguageModel, LikelihoodModel
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.model_config import PoolingEngineConfig, WorkerShape
from service.reward_models.base.ports import Checkpoint, PoolingModel, Resource, ScorerInfo
from service.reward_models.base.settings import SanityCheck
from strategies.base.ports import Engine, OutcomeScorer, StepScorer


@dataclass(frozen=True, slots=True)
class ModelStarters:
    """A start blocks until its model can be read; the model's processes die with the thread that called it.

    `rows` read a head, `language` a causal language model without one.
    """

    vllm_rows: Callable[[PoolingEngineConfig, Path, GroupLock], PoolingModel]
    vllm_language: Callable[[PoolingEngineConfig, Path, GroupLock], LikelihoodModel]
    transformers_rows: Callable[[WorkerShape, Checkpoint, GroupLock], PoolingModel]
    transformers_language: Callable[[WorkerShape, Path, GroupLock], LanguageModel]


@dataclass(frozen=True, slots=True)
class Materials:
    """What a builder may use.

    `generators` are the configured ones by name, the served one first; `scorers` those that stand earlier in the
    configuration, so that no circle can be told; `model_path` turns a configured model into a folder or the name
    of a repository; `starts` starts a model.
    """

    generators: Mapping[str, Engine]
    scorers: LoadedScorers
    model_path: Callable[[str], str]
    lock: GroupLock
    starts: ModelStarters


@dataclass(frozen=True, slots=True)
class Built:
    """A scorer ready to score: exactly one of `outcome` and `step`, and what has to be closed with it.

    `sanity_check` is a pair that it has to tell apart before anything is served.
    """

    info: ScorerInfo
    outcome: OutcomeScorer | None = None
    step: StepScorer | None = None
    resource: Resource | None = None
    check: SanityCheck | None = None


Builder = Callable[[Any, Materials], Built]
"""Settings of the builder's own class in, a scorer out; ScorerLoadError where the settings cannot be carried out."""


def generator_of(wanted: str | None, materials: Materials) -> tuple[str, Engine]:
    """The generator of that name, or the one that is served; ScorerLoadError lists those that are configured."""
    name = wanted or next(iter(materials.generators), "")
    if name not in materials.generators:
        known = ", ".join(materials.generators) or "none"
        raise ScorerLoadError(f"no generator {name!r} is configured; configured are: {known}")
    return name, materials.generators[name]
