"""Settings into loaded scorers: all is checked before the first engine starts, and a failure leaves none running."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from service.engine.turns import Turns
from service.reward_models import (
    ensemble,
    generative,
    likelihood,
    objectives,
    pairwise,
    program,
    remote,
    rubric,
)
from service.reward_models.base import PoolingModel, ScorerInfo
from service.reward_models.building import Builder, Built, Materials
from service.reward_models.checks import known_pair
from service.reward_models.combined_settings import EnsembleSettings, ObjectivesSettings
from service.reward_models.configuration import AnyScorer, Loaded
from service.reward_models.head import Head
from service.reward_models.implicit_loading import build_implicit
from service.reward_models.inputs import Conversations
from service.reward_models.judge_settings import GenerativeSettings, PairwiseSettings, RubricSettings
from service.reward_models.memo import RowMemo
from service.reward_models.named import NamedScorer
from service.reward_models.outcome import PooledOutcomeScorer
from service.reward_models.plain_settings import LikelihoodSettings, ProgramSettings
from service.reward_models.planning import Plan, blamed_on, plans
from service.reward_models.process import PooledStepScorer
from service.reward_models.process_loading import build_process
from service.reward_models.process_settings import ImplicitScorer, ProcessScorer
from service.reward_models.process_steps import EndsOfSteps
from service.reward_models.registry import LoadedScorers
from service.reward_models.remote_settings import RemoteSettings
from service.reward_models.scripted import ScriptedOutcomeScorer, ScriptedStepScorer
from service.reward_models.starts import UNWATCHED, Starts
from service.reward_models.transformers_starting import WorkerShape
from strategies.base.ports import Engine, OutcomeScorer, StepScorer

BUILDERS: Final[Mapping[type[NamedScorer], Builder]] = {
    EnsembleSettings: ensemble.build,
    ObjectivesSettings: objectives.build,
    LikelihoodSettings: likelihood.build,
    ProgramSettings: program.build,
    GenerativeSettings: generative.build,
    PairwiseSettings: pairwise.build,
    RubricSettings: rubric.build,
    RemoteSettings: remote.build,
    ProcessScorer: build_process,
    ImplicitScorer: build_implicit,
}
"""Who builds a scorer that is no pooling model, by the class of its settings."""

OpenTokenizer = Callable[[Plan], Conversations]


@dataclass(frozen=True, slots=True)
class _Running:
    """A plan carried out: what the scorers of one model share."""

    plan: Plan
    engine: PoolingModel
    tokenizer: Conversations
    memo: RowMemo


def open_tokenizer(plan: Plan) -> Conversations:
    """The checkpoint's own tokenizer, with its chat template, the configured one, or for pairs."""
    first = plan.members[0]
    # Imported here so that a service with scripted scorers alone needs no model library.
    if first.input == "pair":
        from service.reward_models.pair import PairTokenizer

        return PairTokenizer(plan.checkpoint.path)
    from service.engine.chat import ChatTokenizer

    if first.template is None:
        return ChatTokenizer(plan.checkpoint.path)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(plan.checkpoint.path), trust_remote_code=False)
    tokenizer.chat_template = Path(first.template).read_text(encoding="utf-8")
    return ChatTokenizer(tokenizer)


def load_scorers(
    settings: Sequence[AnyScorer],
    model_path: Callable[[str], str],
    turns: Turns,
    *,
    generators: Mapping[str, Engine] | None = None,
    planned: Sequence[Plan] | None = None,
    starts: Starts = UNWATCHED,
    tokenizer: OpenTokenizer = open_tokenizer,
) -> LoadedScorers:
    """Load the scorers of the configuration; call it in the main thread, before any event loop runs.

    `model_path` turns a configured model into a folder or the name of a repository; `planned` are the plans of these
    settings, if they were made before. Scorers with the same backend, model, dtype and form of input share one engine,
    one tokenizer and one memo. ScorerLoadError is one line that names the scorer
    at fault; engines that ran by then have been stopped.
    """
    running: dict[str, _Running] = {}
    built: dict[str, Built] = {}
    try:
        for plan in plans(settings, model_path) if planned is None else planned:
            with blamed_on(plan.name):
                running[plan.name] = _start(plan, turns, starts, tokenizer(plan))
        shared = {member.name: run for run in running.values() for member in run.plan.members}
        for scorer in settings:
            loaded = _registered(built, running)
            with blamed_on(scorer.name):
                if isinstance(scorer, Loaded):
                    built[scorer.name] = _pooled(scorer, shared.get(scorer.name))
                else:
                    materials = Materials(generators or {}, loaded, model_path, turns, starts)
                    built[scorer.name] = BUILDERS[type(scorer)](scorer, materials)
        return _registered(built, running)
    except BaseException:
        for resource in _registered(built, running).engines.values():
            resource.close()
        raise


def _start(plan: Plan, turns: Turns, starts: Starts, chat: Conversations) -> _Running:
    shape, checkpoint = plan.shape, plan.checkpoint
    if checkpoint.has_types and plan.members[0].input == "pair":
        shape = replace(shape, types_after=getattr(chat, "types_after", None))
    if isinstance(shape, WorkerShape):
        return _Running(plan, starts.transformers_rows(shape, checkpoint, turns), chat, RowMemo())
    return _Running(plan, starts.vllm_rows(shape, checkpoint.path, turns), chat, RowMemo())


def _registered(built: Mapping[str, Built], running: Mapping[str, _Running]) -> LoadedScorers:
    resources = {name: found.resource for name, found in built.items() if found.resource is not None}
    return LoadedScorers(
        infos=tuple(found.info for found in built.values()),
        outcomes={name: found.outcome for name, found in built.items() if found.outcome is not None},
        steps={name: found.step for name, found in built.items() if found.step is not None},
        engines={**{name: run.engine for name, run in running.items()}, **resources},
        checks={name: found.check for name, found in built.items() if found.check is not None},
    )


def _pooled(scorer: Loaded, run: _Running | None) -> Built:
    info = _info(scorer, run)
    pair = known_pair(scorer)
    if scorer.kind == "outcome":
        return Built(info, outcome=_outcome(scorer, run), check=pair)
    return Built(info, step=_step(scorer, run), check=pair)


def _outcome(scorer: Loaded, run: _Running | None) -> OutcomeScorer:
    if run is None:
        return ScriptedOutcomeScorer(scorer.name)
    head = Head(scorer.label, scorer.activation)
    checkpoint = run.plan.checkpoint
    return PooledOutcomeScorer(
        scorer.name,
        run.tokenizer,
        run.engine,
        head,
        checkpoint.pad_token_id,
        checkpoint.end_token_id,
        truncates=scorer.over_long == "truncate_left",
    )


def _step(scorer: Loaded, run: _Running | None) -> StepScorer:
    if run is None:
        return ScriptedStepScorer(scorer.name, delimiter=scorer.step_delimiter)
    head = Head(scorer.label, scorer.activation)
    return PooledStepScorer(
        scorer.name, EndsOfSteps(run.tokenizer), run.engine, head, scorer.step_delimiter, run.memo
    )


def _info(scorer: Loaded, run: _Running | None) -> ScorerInfo:
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
