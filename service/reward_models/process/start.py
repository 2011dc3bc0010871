"""How the models of process scorers are started, by the runner that the settings name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from service.engine.group_lock import GroupLock
from service.reward_models.base.builder import ModelStarters
from service.reward_models.base.language import LanguageModel, LikelihoodModel
from service.reward_models.base.model_config import PoolingEngineConfig, WorkerShape
from service.reward_models.base.ports import Checkpoint, PoolingModel
from service.reward_models.process.label_tokens import LabelTokenModel, as_classifier
from service.reward_models.process.settings import ReadModel


@dataclass(frozen=True, slots=True)
class Starting:
    """The models of one scorer, by the runner that its settings name."""

    settings: ReadModel
    lock: GroupLock
    starts: ModelStarters

    def head(self, checkpoint: Checkpoint) -> PoolingModel:
        if self.settings.runner == "transformers":
            return self.starts.transformers_rows(self._worker(), checkpoint, self.lock)
        shape = replace(self._engine(), reads=checkpoint.reads)
        return self.starts.vllm_rows(shape, checkpoint.path, self.lock)

    def words(
        self, folder: Path, token_ids: Sequence[int], words: Sequence[str]
    ) -> tuple[LabelTokenModel | PoolingModel, PoolingModel | LanguageModel]:
        """What gives the rows, and what has to be closed."""
        if self.settings.runner == "transformers":
            model = self.starts.transformers_language(self._worker(), folder, self.lock)
            return LabelTokenModel(model, token_ids), model
        shape = replace(self._engine(), overrides=as_classifier(folder, words))
        engine = self.starts.vllm_rows(shape, folder, self.lock)
        return engine, engine

    def language(self, folder: Path) -> LikelihoodModel:
        if self.settings.runner == "transformers":
            return self.starts.transformers_language(self._worker(), folder, self.lock)
        return self.starts.vllm_language(self._engine(), folder, self.lock)

    def _engine(self) -> PoolingEngineConfig:
        settings = self.settings
        return PoolingEngineConfig(
            dtype=settings.dtype,
            max_model_len=settings.max_model_len,
            max_num_seqs=settings.max_num_seqs,
            kv_cache_mib=settings.kv_cache_mib,
            gpu_memory_utilization=settings.gpu_memory_utilization,
            cpu_cores=settings.cpu_cores,
        )

    def _worker(self) -> WorkerShape:
        settings = self.settings
        return WorkerShape(
            dtype="float32" if settings.dtype == "auto" else settings.dtype,
            device=settings.device,
            max_model_len=settings.max_model_len,
            max_batch_tokens=settings.max_batch_tokens,
            cpu_cores=settings.cpu_cores,
        )
