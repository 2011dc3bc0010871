"""How each kind of model is started: the one place where what watches over them, or a test, stands in between."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.engine.turns import Turns
from service.reward_models.base import PoolingModel
from service.reward_models.checkpoint import Checkpoint
from service.reward_models.language import LanguageModel, LikelihoodModel
from service.reward_models.language_engine import LanguageEngine
from service.reward_models.pooling import PoolingEngine
from service.reward_models.starting import EngineShape
from service.reward_models.transformers_starting import WorkerShape, start_language_model, start_reward_model


@dataclass(frozen=True, slots=True)
class Starts:
    """A start blocks until its model can be read; the model's processes die with the thread that called it.

    `rows` read a head, `language` a causal language model without one.
    """

    vllm_rows: Callable[[EngineShape, Path, Turns], PoolingModel] = PoolingEngine.start
    vllm_language: Callable[[EngineShape, Path, Turns], LikelihoodModel] = LanguageEngine.start
    transformers_rows: Callable[[WorkerShape, Checkpoint, Turns], PoolingModel] = start_reward_model
    transformers_language: Callable[[WorkerShape, Path, Turns], LanguageModel] = start_language_model


UNWATCHED: Final = Starts()
"""Models that nothing replaces when they are lost."""
