"""Which engines the configured scorers need: equal models share one, and every setting is checked before any starts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from service.reward_models.base import ScorerLoadError
from service.reward_models.checkpoint import Checkpoint, open_checkpoint
from service.reward_models.configuration import ScorerSettings
from service.reward_models.starting import EngineShape

_SHAPE_FIELDS: Final = ("max_model_len", "max_num_seqs", "kv_cache_mib", "gpu_memory_utilization", "threads")


@dataclass(frozen=True, slots=True)
class Plan:
    """One engine to start: the scorers that read it, the checkpoint, and the engine's shape."""

    members: tuple[ScorerSettings, ...]
    checkpoint: Checkpoint
    shape: EngineShape

    @property
    def name(self) -> str:
        """The first scorer, which answers for the engine in errors and health checks."""
        return self.members[0].name


def plans(settings: Sequence[ScorerSettings], model_path: Callable[[str], str]) -> list[Plan]:
    """One plan for each model and dtype among the scorers that need an engine; ScorerLoadError names the culprit."""
    groups: dict[tuple[str, str, str], list[ScorerSettings]] = {}
    for scorer in settings:
        if scorer.backend != "scripted":
            with blamed_on(scorer.name):
                path = model_path(scorer.model)
            groups.setdefault((scorer.backend, path, scorer.dtype), []).append(scorer)
    return [_planned(path, members) for (_, path, _), members in groups.items()]


@contextmanager
def blamed_on(name: str) -> Iterator[None]:
    """Whatever goes wrong inside is a ScorerLoadError that begins with the scorer's name."""
    try:
        yield
    except Exception as error:
        detail = str(error) if isinstance(error, ScorerLoadError) else f"{type(error).__name__}: {error}"
        raise ScorerLoadError(f"scorer {name!r}: {' '.join(detail.split())}") from error


def _planned(path: str, members: list[ScorerSettings]) -> Plan:
    with blamed_on(members[0].name):
        checkpoint = open_checkpoint(path)
    for member in members:
        with blamed_on(member.name):
            _check_head(member, checkpoint)
    return Plan(tuple(members), checkpoint, _shape(members))


def _check_head(scorer: ScorerSettings, checkpoint: Checkpoint) -> None:
    if scorer.label >= checkpoint.labels:
        raise ScorerLoadError(
            f"label {scorer.label} is beyond the head of {scorer.model}, whose rows are 0 to {checkpoint.labels - 1}: "
            "set `label` to one of them"
        )
    if scorer.activation == "softmax" and checkpoint.labels == 1:
        raise ScorerLoadError(
            f"the softmax of the one row of {scorer.model} is always 1: set `activation` to sigmoid or none"
        )


def _shape(members: Sequence[ScorerSettings]) -> EngineShape:
    """The engine's shape from what any of its scorers states; what two of them state must agree."""
    stated = {field: _stated(members, field) for field in _SHAPE_FIELDS}
    return EngineShape(
        dtype=members[0].dtype, **{field: value for field, value in stated.items() if value is not None}
    )


def _stated(members: Sequence[ScorerSettings], field: str) -> Any:
    values = {m.name: getattr(m, field) for m in members if field in m.model_fields_set}
    if len(set(values.values())) > 1:
        told = ", ".join(f"{name}: {value}" for name, value in values.items())
        raise ScorerLoadError(
            f"scorer {next(iter(values))!r}: `{field}` differs between scorers that share one engine ({told}): "
            "give all of them the same"
        )
    return next(iter(values.values()), None)
