"""How a transformers worker is started on a checkpoint."""

from dataclasses import dataclass
from pathlib import Path

from service.engine.turns import Turns
from service.reward_models.architectures import Reads
from service.reward_models.checkpoint import Checkpoint
from service.reward_models.transformers_model import TransformersModel
from service.reward_models.transformers_network import Load
from service.reward_models.transformers_process import WorkerProcess


@dataclass(frozen=True, slots=True)
class WorkerShape:
    """The settings of one worker; a `max_model_len` of None is the model's own."""

    dtype: str = "float32"
    device: str = "cpu"
    max_model_len: int | None = None
    max_batch_tokens: int = 8192
    threads: str | None = None
    reads: Reads = "both"
    types_after: int | None = None


def start_reward_model(shape: WorkerShape, checkpoint: Checkpoint, turns: Turns) -> TransformersModel:
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
    return _started(load, shape, turns)


def start_language_model(shape: WorkerShape, folder: Path, turns: Turns) -> TransformersModel:
    """A causal language model in a process of its own, for `token_logits` and `logprobs`."""
    return _started(Load(folder, None, dtype=shape.dtype, device=shape.device), shape, turns)


def _started(load: Load, shape: WorkerShape, turns: Turns) -> TransformersModel:
    worker = WorkerProcess.start(load, shape.threads)
    return TransformersModel(
        worker,
        turns,
        max_model_len=min(shape.max_model_len or worker.max_model_len, worker.max_model_len),
        dtype=shape.dtype,
        max_batch_tokens=shape.max_batch_tokens,
        reads_text=load.reads_text,
    )
