"""Which models the configured scorers need: equal ones share one, and every setting is checked before any is loaded."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeGuard

from service.engine.vllm.engine_args import quiet_environment
from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.model_config import PoolingEngineConfig, WorkerShape
from service.reward_models.base.ports import Checkpoint
from service.reward_models.checkpoints.verify import checkpoint_folder, open_checkpoint
from service.reward_models.pooling.settings import Loaded, TransformersScorer
from service.reward_models.process.settings import ReadModel

Shape = PoolingEngineConfig | WorkerShape
_MODELS: Final = ("model", "reference")


@dataclass(frozen=True, slots=True)
class Plan:
    """One model to load: the scorers that read it, the checkpoint, and the shape of what reads it for them."""

    members: tuple[Loaded, ...]
    checkpoint: Checkpoint
    shape: Shape

    @property
    def name(self) -> str:
        """The first scorer, which answers for the engine in errors and health checks."""
        return self.members[0].name


def plans(settings: Sequence[object], model_path: Callable[[str], str]) -> list[Plan]:
    """One plan for each model, dtype and form of input among the scorers whose weights are loaded here.

    What is not here yet is fetched, which has to happen before an engine on a local folder tells this process to stay
    off the network. ScorerLoadError names the culprit.
    """
    quiet_environment()
    read_models(settings, model_path)
    groups: dict[tuple[str | None, ...], list[Loaded]] = {}
    for scorer in settings:
        if is_loaded_here(scorer):
            with blamed_on(scorer.name):
                path = model_path(scorer.model)
            key = (path, scorer.backend, scorer.dtype, scorer.input, scorer.template)
            groups.setdefault(key, []).append(scorer)
    return [_planned(str(path), members) for (path, *_), members in groups.items()]


def read_models(settings: Sequence[object], model_path: Callable[[str], str]) -> list[tuple[ReadModel, Path]]:
    """The models that are read step by step, and what they are compared with, each in its folder."""
    found = []
    for scorer in settings:
        if isinstance(scorer, ReadModel):
            with blamed_on(scorer.name):
                named = [getattr(scorer, field) for field in _MODELS if getattr(scorer, field, None)]
                found += [(scorer, checkpoint_folder(model_path(model))) for model in named]
    return found


def is_loaded_here(scorer: object) -> TypeGuard[Loaded]:
    """Whether a scorer's settings name weights of its own."""
    return isinstance(scorer, Loaded) and scorer.backend != "scripted"


@contextmanager
def blamed_on(name: str) -> Iterator[None]:
    """Whatever goes wrong inside is a ScorerLoadError that begins with the scorer's name."""
    try:
        yield
    except Exception as error:
        detail = str(error) if isinstance(error, ScorerLoadError) else f"{type(error).__name__}: {error}"
        raise ScorerLoadError(f"scorer {name!r}: {' '.join(detail.split())}") from error


def _planned(path: str, members: list[Loaded]) -> Plan:
    backend = "transformers" if isinstance(members[0], TransformersScorer) else "vllm"
    with blamed_on(members[0].name):
        checkpoint = open_checkpoint(path, "transformers" if backend == "transformers" else "vllm")
    for member in members:
        with blamed_on(member.name):
            _check_head(member, checkpoint)
    return Plan(tuple(members), checkpoint, _shape(members, checkpoint))


def _check_head(scorer: Loaded, checkpoint: Checkpoint) -> None:
    if scorer.label >= checkpoint.labels:
        raise ScorerLoadError(
            f"label {scorer.label} is beyond the head of {scorer.model}, whose rows are 0 to {checkpoint.labels - 1}: "
            "set `label` to one of them"
        )
    if scorer.activation == "softmax" and checkpoint.labels == 1:
        raise ScorerLoadError(
            f"the softmax of the one row of {scorer.model} is always 1: set `activation` to sigmoid or none"
        )
    if scorer.kind == "step" and checkpoint.reads == "text":
        raise ScorerLoadError(
            f"the head of {checkpoint.architecture} judges a text as a whole: use it with kind outcome"
        )


def _shape(members: Sequence[Loaded], checkpoint: Checkpoint) -> Shape:
    """The shape from what any of the scorers states; what two of them state must agree."""
    kind = WorkerShape if isinstance(members[0], TransformersScorer) else PoolingEngineConfig
    stated = {field.name: _stated(members, field.name) for field in fields(kind)}
    given = {name: value for name, value in stated.items() if value is not None}
    return kind(**{**given, "reads": checkpoint.reads})


def _stated(members: Sequence[Loaded], field: str) -> Any:
    known = type(members[0]).model_fields
    if field not in known:
        return None
    # A configuration that was merged from several sources has every field set, so the default is what is not stated.
    values = {m.name: getattr(m, field) for m in members if getattr(m, field) != known[field].default}
    if len(set(values.values())) > 1:
        told = ", ".join(f"{name}: {value}" for name, value in values.items())
        raise ScorerLoadError(
            f"scorer {next(iter(values))!r}: `{field}` differs between scorers that share one engine ({told}): "
            "give all of them the same"
        )
    return next(iter(values.values()), None)
