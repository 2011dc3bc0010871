"""How a transformers worker is started on a checkpoint."""

from pathlib import Path

from service.engine.group_lock import GroupLock
from service.reward_models.base.model_config import WorkerShape
from service.reward_models.base.ports import Checkpoint
from service.reward_models.transformers.model import TransformersModel
from service.reward_models.transformers.network import Load
from service.reward_models.transformers.worker import WorkerProcess


def start_reward_model(shape: WorkerShape, checkpoint: Checkpoint, lock: GroupLock) -> TransformersModel:
    """A reward model in a process of its own; blocks until it is loaded. The process dies with this thread."""
    load = Load(
        checkpoint.path,
        checkpoint.architecture,
        checkpoint.head,
        reads_text=checkpoint.reads == "text",
        dtype=shape.dtype,
        device=shape.device,
        types_after=shape.types_after,
    )
    return _started(load, shape, lock)


def start_language_model(shape: WorkerShape, folder: Path, lock: GroupLock) -> TransformersModel:
    """A causal language model in a process of its own, for `token_logits` and `logprobs`."""
    return _started(Load(folder, None, dtype=shape.dtype, device=shape.device), shape, lock)


def _started(load: Load, shape: WorkerShape, lock: GroupLock) -> TransformersModel:
    worker = WorkerProcess.start(load, shape.cpu_cores)
    return TransformersModel(
        worker,
        lock,
        max_model_len=min(shape.max_model_len or worker.max_model_len, worker.max_model_len),
        dtype=shape.dtype,
        max_batch_tokens=shape.max_batch_tokens,
        reads_text=load.reads_text,
    )
