"""Settings into loaded scorers: all is checked before the first engine starts, and a failure leaves none running."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from service.engine.group_lock import GroupLock
from service.reward_models.base.builder import Built, Materials, ModelStarters
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.model_config import WorkerShape
from service.reward_models.base.rendering import Conversations
from service.reward_models.loading.plan import Plan, blamed_on, plans
from service.reward_models.loading.pooled_scorers import OpenTokenizer, Running, open_tokenizer, pooled_scorer
from service.reward_models.loading.registry import BACKENDS, AnyScorer, backend_of
from service.reward_models.loading.starters import UNWATCHED
from service.reward_models.pooling.row_cache import LogitsCache
from service.reward_models.pooling.settings import Loaded
from strategies.base.ports import Engine


def load_scorers(
    settings: Sequence[AnyScorer],
    model_path: Callable[[str], str],
    lock: GroupLock,
    *,
    generators: Mapping[str, Engine] | None = None,
    planned: Sequence[Plan] | None = None,
    starts: ModelStarters = UNWATCHED,
    tokenizer: OpenTokenizer = open_tokenizer,
) -> LoadedScorers:
    """Load the scorers of the configuration; call it in the main thread, before any event loop runs.

    `model_path` turns a configured model into a folder or the name of a repository; `planned` are the plans of these
    settings, if they were made before. Scorers with the same backend, model, dtype and form of input share one engine,
    one tokenizer and one memo. ScorerLoadError is one line that names the scorer
    at fault; engines that ran by then have been stopped.
    """
    running: dict[str, Running] = {}
    built: dict[str, Built] = {}
    try:
        for plan in plans(settings, model_path) if planned is None else planned:
            with blamed_on(plan.name):
                running[plan.name] = _start(plan, lock, starts, tokenizer(plan))
        shared = {member.name: run for run in running.values() for member in run.plan.members}
        for scorer in settings:
            loaded = _registered(built, running)
            with blamed_on(scorer.name):
                if isinstance(scorer, Loaded):
                    built[scorer.name] = pooled_scorer(scorer, shared.get(scorer.name))
                else:
                    materials = Materials(generators or {}, loaded, model_path, lock, starts)
                    built[scorer.name] = _build(scorer, materials)
                if scorer.sees_reasoning:
                    found = built[scorer.name]
                    built[scorer.name] = replace(found, info=replace(found.info, sees_reasoning=True))
        return _registered(built, running)
    except BaseException:
        for resource in _registered(built, running).engines.values():
            resource.close()
        raise


def _build(scorer: AnyScorer, materials: Materials) -> Built:
    build = BACKENDS[backend_of(scorer)].build
    assert build is not None, "pooling models are built from their plans"
    return build(scorer, materials)


def _start(plan: Plan, lock: GroupLock, starts: ModelStarters, chat: Conversations) -> Running:
    shape, checkpoint = plan.shape, plan.checkpoint
    if checkpoint.has_types and plan.members[0].input == "pair":
        shape = replace(shape, types_after=getattr(chat, "types_after", None))
    if isinstance(shape, WorkerShape):
        return Running(plan, starts.transformers_rows(shape, checkpoint, lock), chat, LogitsCache())
    return Running(plan, starts.vllm_rows(shape, checkpoint.path, lock), chat, LogitsCache())


def _registered(built: Mapping[str, Built], running: Mapping[str, Running]) -> LoadedScorers:
    resources = {name: found.resource for name, found in built.items() if found.resource is not None}
    return LoadedScorers(
        infos=tuple(found.info for found in built.values()),
        outcomes={name: found.outcome for name, found in built.items() if found.outcome is not None},
        steps={name: found.step for name, found in built.items() if found.step is not None},
        engines={**{name: run.engine for name, run in running.items()}, **resources},
        checks={name: found.check for name, found in built.items() if found.check is not None},
    )
