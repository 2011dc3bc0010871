"""Reward models of every kind, started under supervision."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from service.engine.turns import Turns
from service.reward_models.checkpoint import Checkpoint
from service.reward_models.starts import UNWATCHED, Starts
from service.supervision.model import SupervisedModel
from service.supervision.supervision import Supervision

S = TypeVar("S")
C = TypeVar("C")


def watched(supervision: Supervision, starts: Starts = UNWATCHED) -> Starts:
    """`starts`, each of whose models is replaced, behind the same object, when it dies or hangs."""

    def under(start: Callable[[S, C, Turns], Any]) -> Callable[[S, C, Turns], SupervisedModel]:
        def started(shape: S, checkpoint: C, turns: Turns) -> SupervisedModel:
            folder = checkpoint.path if isinstance(checkpoint, Checkpoint) else Path(str(checkpoint))
            return supervision.model(f"reward model {folder.name}", lambda: start(shape, checkpoint, turns))

        return started

    return Starts(
        under(starts.vllm_rows),
        under(starts.vllm_language),
        under(starts.transformers_rows),
        under(starts.transformers_language),
    )
