"""Reward models of every kind, started under supervision."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from service.engine.group_lock import GroupLock
from service.reward_models.base.builder import ModelStarters
from service.reward_models.base.ports import Checkpoint
from service.reward_models.loading.starters import UNWATCHED
from service.supervision.reward_model import SupervisedModel
from service.supervision.supervisor import Supervisor

S = TypeVar("S")
C = TypeVar("C")


def supervised_starters(supervision: Supervisor, starts: ModelStarters = UNWATCHED) -> ModelStarters:
    """`starts`, each of whose models is replaced, behind the same object, when it dies or hangs."""

    def under(start: Callable[[S, C, GroupLock], Any]) -> Callable[[S, C, GroupLock], SupervisedModel]:
        def started(shape: S, checkpoint: C, lock: GroupLock) -> SupervisedModel:
            folder = checkpoint.path if isinstance(checkpoint, Checkpoint) else Path(str(checkpoint))
            return supervision.model(f"reward model {folder.name}", lambda: start(shape, checkpoint, lock))

        return started

    return ModelStarters(
        under(starts.vllm_rows),
        under(starts.vllm_language),
        under(starts.transformers_rows),
        under(starts.transformers_language),
    )
