"""How the models of process scorers are started, by the runner that the settings name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from service.engine.turns import Turns
from service.reward_models.base import PoolingModel, Resource
from service.reward_models.checkpoint import Checkpoint
from service.reward_models.implicit import TokenLogprobs
from service.reward_models.language_engine import LanguageEngine
from service.reward_models.pooling import PoolingEngine
from service.reward_models.process_settings import ReadModel
from service.reward_models.process_words import TwoWords, as_classifier
from service.reward_models.starting import EngineShape
from service.reward_models.transformers_model import TransformersModel
from service.reward_models.transformers_starting import WorkerShape, start_language_model, start_reward_model


class Readable(TokenLogprobs, Resource, Protocol):
    """A language model with a life of its own that tells log-probabilities."""

    @property
    def max_model_len(self) -> int: ...
    @property
    def dtype(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Starts:
    """How each kind of model is started; a test may put its own in their place."""

    vllm_rows: Callable[[EngineShape, Path, Turns], PoolingModel] = PoolingEngine.start
    vllm_language: Callable[[EngineShape, Path, Turns], Readable] = LanguageEngine.start
    transformers_rows: Callable[[WorkerShape, Checkpoint, Turns], PoolingModel] = start_reward_model
    transformers_language: Callable[[WorkerShape, Path, Turns], TransformersModel] = start_language_model


@dataclass(frozen=True, slots=True)
class Starting:
    """The models of one scorer, by the runner that its settings name."""

    settings: ReadModel
    turns: Turns
    starts: Starts

    def head(self, checkpoint: Checkpoint) -> PoolingModel:
        if self.settings.runner == "transformers":
            return self.starts.transformers_rows(self._worker(), checkpoint, self.turns)
        shape = replace(self._engine(), reads=checkpoint.reads)
        return self.starts.vllm_rows(shape, checkpoint.path, self.turns)

    def words(
        self, folder: Path, token_ids: Sequence[int], words: Sequence[str]
    ) -> tuple[TwoWords | PoolingModel, PoolingModel | TransformersModel]:
        """What gives the rows, and what has to be closed."""
        if self.settings.runner == "transformers":
            model = self.starts.transformers_language(self._worker(), folder, self.turns)
            return TwoWords(model, token_ids), model
        shape = replace(self._engine(), overrides=as_classifier(folder, words))
        engine = self.starts.vllm_rows(shape, folder, self.turns)
        return engine, engine

    def language(self, folder: Path) -> Readable:
        if self.settings.runner == "transformers":
            return self.starts.transformers_language(self._worker(), folder, self.turns)
        return self.starts.vllm_language(self._engine(), folder, self.turns)

    def _engine(self) -> EngineShape:
        settings = self.settings
        return EngineShape(
            dtype=settings.dtype,
            max_model_len=settings.max_model_len,
            max_num_seqs=settings.max_num_seqs,
            kv_cache_mib=settings.kv_cache_mib,
            gpu_memory_utilization=settings.gpu_memory_utilization,
            threads=settings.threads,
        )

    def _worker(self) -> WorkerShape:
        settings = self.settings
        return WorkerShape(
            dtype="float32" if settings.dtype == "auto" else settings.dtype,
            device=settings.device,
            max_model_len=settings.max_model_len,
            max_batch_tokens=settings.max_batch_tokens,
            threads=settings.threads,
        )
