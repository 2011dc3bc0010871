"""Settings into loaded scorers: all is checked before the first engine starts, and a failure leaves none running."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.engine.turns import Turns
from service.reward_models.base import PoolingModel, ScorerInfo
from service.reward_models.building import Builder, Built, Materials
from service.reward_models.configuration import AnyScorer, NamedScorer, ScorerSettings
from service.reward_models.head import Head
from service.reward_models.inputs import Conversations
from service.reward_models.memo import RowMemo
from service.reward_models.outcome import PooledOutcomeScorer
from service.reward_models.planning import Plan, blamed_on, plans
from service.reward_models.pooling import PoolingEngine
from service.reward_models.process import PooledStepScorer
from service.reward_models.registry import LoadedScorers
from service.reward_models.scripted import ScriptedOutcomeScorer, ScriptedStepScorer
from service.reward_models.starting import EngineShape
from strategies.base.ports import Engine, OutcomeScorer, StepScorer

BUILDERS: Final[Mapping[type[NamedScorer], Builder]] = {}
"""Who builds a scorer that is no pooling model, by the class of its settings."""

StartEngine = Callable[[EngineShape, Path, Turns], PoolingModel]
OpenTokenizer = Callable[[Path], Conversations]


@dataclass(frozen=True, slots=True)
class _Running:
    """A plan carried out: what the scorers of one model share."""

    plan: Plan
    engine: PoolingModel
    tokenizer: Conversations
    memo: RowMemo


def open_tokenizer(folder: Path) -> Conversations:
    """The checkpoint's own tokenizer and chat template."""
    # Imported here so that a service with scripted scorers alone needs no model library.
    from service.engine.chat import ChatTokenizer

    return ChatTokenizer(folder)


def load_scorers(
    settings: Sequence[AnyScorer],
    model_path: Callable[[str], str],
    turns: Turns,
    *,
    generators: Mapping[str, Engine] | None = None,
    start: StartEngine = PoolingEngine.start,
    tokenizer: OpenTokenizer = open_tokenizer,
) -> LoadedScorers:
    """Load the scorers of the configuration; call it in the main thread, before any event loop runs.

    `model_path` turns a configured model into a folder or the name of a repository. Scorers with the same backend,
    model and dtype share one engine, one tokenizer and one memo. ScorerLoadError is one line that names the scorer
    at fault; engines that ran by then have been stopped.
    """
    pooled = [scorer for scorer in settings if isinstance(scorer, ScorerSettings)]
    running: dict[str, _Running] = {}
    built: dict[str, Built] = {}
    try:
        for plan in plans(pooled, model_path):
            with blamed_on(plan.name):
                chat = tokenizer(plan.checkpoint.path)
                engine = start(plan.shape, plan.checkpoint.path, turns)
            running[plan.name] = _Running(plan, engine, chat, RowMemo())
        shared = {member.name: run for run in running.values() for member in run.plan.members}
        for scorer in settings:
            loaded = _registered(built, running)
            with blamed_on(scorer.name):
                if isinstance(scorer, ScorerSettings):
                    built[scorer.name] = _pooled(scorer, shared.get(scorer.name))
                else:
                    materials = Materials(generators or {}, loaded, model_path, turns)
                    built[scorer.name] = BUILDERS[type(scorer)](scorer, materials)
        return _registered(built, running)
    except BaseException:
        for resource in _registered(built, running).engines.values():
            resource.close()
        raise


def _registered(built: Mapping[str, Built], running: Mapping[str, _Running]) -> LoadedScorers:
    resources = {name: found.resource for name, found in built.items() if found.resource is not None}
    return LoadedScorers(
        infos=tuple(found.info for found in built.values()),
        outcomes={name: found.outcome for name, found in built.items() if found.outcome is not None},
        steps={name: found.step for name, found in built.items() if found.step is not None},
        engines={**{name: run.engine for name, run in running.items()}, **resources},
    )


def _pooled(scorer: ScorerSettings, run: _Running | None) -> Built:
    info = _info(scorer, run)
    if scorer.kind == "outcome":
        return Built(info, outcome=_outcome(scorer, run))
    return Built(info, step=_step(scorer, run))


def _outcome(scorer: ScorerSettings, run: _Running | None) -> OutcomeScorer:
    if run is None:
        return ScriptedOutcomeScorer(scorer.name)
    head = Head(scorer.label, scorer.activation)
    return PooledOutcomeScorer(scorer.name, run.tokenizer, run.engine, head, run.plan.checkpoint.pad_token_id)


def _step(scorer: ScorerSettings, run: _Running | None) -> StepScorer:
    if run is None:
        return ScriptedStepScorer(scorer.name, delimiter=scorer.step_delimiter)
    head = Head(scorer.label, scorer.activation)
    return PooledStepScorer(scorer.name, run.tokenizer, run.engine, head, scorer.step_delimiter, run.memo)


def _info(scorer: ScorerSettings, run: _Running | None) -> ScorerInfo:
    delimiter = scorer.step_delimiter if scorer.kind == "step" else None
    if run is None:
        return ScorerInfo(
            scorer.name, scorer.kind, scorer.backend, model="scripted", step_delimiter=delimiter
        )
    return ScorerInfo(
        scorer.name,
        scorer.kind,
        scorer.backend,
        model=scorer.model,
        dtype=run.engine.dtype,
        max_model_len=run.engine.max_model_len,
        parameters=run.plan.checkpoint.parameters,
        label=scorer.label,
        activation=scorer.activation,
        step_delimiter=delimiter,
    )
