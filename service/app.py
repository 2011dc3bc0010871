"""The only wiring: settings in, a running service out. Nothing else constructs an engine or a model."""

import asyncio
import contextlib
import hashlib
import logging
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI

from service.admission.controller import AdmissionController
from service.edge.access_log import AccessLogMiddleware
from service.edge.authentication import AuthenticationMiddleware
from service.edge.drain import Drain, DrainMiddleware
from service.edge.request_id import RequestIdMiddleware
from service.edge.unread_body import UnreadBodyMiddleware
from service.engine.group_lock import GroupLock
from service.engine.ports import ServedEngine
from service.engine.settings import EMBEDDED, EngineSettings
from service.equivalence.pool import AnswerChecker
from service.keys.keyring import Keyring
from service.observability.metrics import Metrics
from service.observability.tracing import NoTracing, Tracing
from service.reward_models.base.ports import ServedScorers
from service.reward_models.loading.loader import load_scorers
from service.reward_models.loading.memory import (
    check_fit,
    free_memory,
    generator_share,
    read_share,
    scorer_share,
)
from service.reward_models.loading.plan import Plan, plans, read_models
from service.routes import chat, completions, exception_handlers, health, models, run_events, strategies
from service.routes import score as scoring
from service.routes.dependencies import AppState
from service.runner import Runner
from service.settings import Settings
from service.supervision.engine import RestartableEngine, SupervisedEngine
from service.supervision.settings import SupervisionSettings
from service.supervision.starters import supervised_starters
from service.supervision.supervisor import Supervisor
from service.version import VERSION
from strategies.base.errors import InvalidRequest, NbestError, StartError
from strategies.base.strategy import Strategy
from strategies.catalog import parse

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What takes long to start, and must be started in the main thread before the event loop."""

    engine: ServedEngine
    scorers: ServedScorers
    fusors: Mapping[str, ServedEngine] = field(default_factory=dict)
    supervision: Supervisor = field(default_factory=lambda: Supervisor(SupervisionSettings()))


def start_parts(settings: Settings) -> Parts:
    """Load the generator, the fusors and the reward models; takes tens of seconds with real models.

    One after the other: vLLM measures free memory as each starts.
    """
    check_presets(settings)
    for section in (settings.engine, *settings.generators.values()):
        _check_folder(section)
    # Before the generator: a scorer named by its repository is fetched here, and a wrong one found in seconds.
    planned = plans(settings.loaded_scorers, scorer_path)
    _check_memory(settings, planned)
    lock = GroupLock(enabled=_take_turns(settings))
    supervision = Supervisor(settings.supervision)

    def supervised(name: str, section: EngineSettings) -> SupervisedEngine:
        return supervision.engine(name, lambda: _start_engine(section, lock))

    with contextlib.ExitStack() as on_failure:
        engine = supervised("generator", settings.engine)
        on_failure.callback(_close, engine)
        fusors: dict[str, ServedEngine] = {}
        for name, section in settings.generators.items():
            fusors[name] = supervised(f"fusor {name}", _uncounted(section))
            on_failure.callback(_close, fusors[name])
        generators = {engine.info.model: engine, **fusors}
        scorers = load_scorers(
            settings.loaded_scorers,
            scorer_path,
            lock,
            generators=generators,
            planned=planned,
            starts=supervised_starters(supervision),
        )
        on_failure.pop_all()
    return Parts(engine, scorers, fusors, supervision)


def _check_memory(settings: Settings, planned: Sequence[Plan]) -> None:
    """Print what each engine will take; ScorerLoadError, with the same table, where they cannot all fit."""
    sections = {"generator": settings.engine} | {f"fusor {n}": s for n, s in settings.generators.items()}
    generators = {name: section for name, section in sections.items() if section.backend != "scripted"}
    if not generators and not planned:
        return
    from service.engine.vllm.engine import runs_on_cpu

    on_cpu = runs_on_cpu()
    shares = [
        generator_share(name, section, _generator_path(section), on_cpu=on_cpu)
        for name, section in generators.items()
    ]
    shares += [scorer_share(plan, on_cpu=on_cpu) for plan in planned]
    read = read_models(settings.loaded_scorers, scorer_path)
    shares += [read_share(scorer, folder, on_cpu=on_cpu) for scorer, folder in read]
    print(check_fit(shares, free_memory()), file=sys.stderr)


def _generator_path(settings: EngineSettings) -> str:
    """A path as given, or that of the embedded generator, built if it is not there yet."""
    if settings.model != EMBEDDED:
        return settings.model
    from service.embedded.build import build_generator

    return str(build_generator())


def _close(engine: ServedEngine) -> None:
    asyncio.run(engine.aclose())


def create_app(
    settings: Settings,
    engine: ServedEngine,
    scorers: ServedScorers,
    fusors: Mapping[str, ServedEngine] | None = None,
    supervision: Supervisor | None = None,
    tracing: Tracing | None = None,
) -> FastAPI:
    """The HTTP application around its engines and scorers; closing it closes them all, and `tracing` with them.

    `supervision` watches over those of them that it started, as long as the application runs.
    """
    traced = tracing or NoTracing()
    metrics = Metrics()
    others = fusors or {}
    admission = AdmissionController(settings.limits, metrics)
    checker = AnswerChecker()
    runner = Runner(engine, scorers, admission, settings.limits, metrics, others, checker)
    fingerprint = _fingerprint(settings, engine)
    presets = check_presets(settings)
    drain = Drain(settings.server.drain_timeout_s, settings.server.drain_notice_s)
    service = AppState(
        settings, engine, scorers, runner, metrics, fingerprint, presets, drain, started=time.time()
    )
    metrics.build.labels(VERSION, engine.info.backend, engine.info.model).set(1)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if supervision is not None:
            supervision.watch(metrics)
        try:
            yield
        finally:
            drain.begin()
            if supervision is not None:
                await supervision.aclose()
            closing = [fusor.aclose() for fusor in others.values()]
            await asyncio.gather(engine.aclose(), scorers.aclose(), checker.aclose(), *closing)
            await asyncio.to_thread(traced.close)

    # FastAPI's own pages of documentation load their scripts from elsewhere, which a closed network does not reach.
    app = FastAPI(
        title="nbest",
        version=VERSION,
        lifespan=lifespan,
        responses=exception_handlers.RESPONSES,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    for group in (chat, completions, models, strategies, scoring, run_events, health):
        app.include_router(group.router)
    exception_handlers.install(app)
    # The last one added is met first.
    app.add_middleware(AuthenticationMiddleware, keyring=Keyring(settings.keys))
    app.add_middleware(DrainMiddleware, drain=drain)
    app.add_middleware(RequestIdMiddleware, max_body_bytes=settings.limits.max_body_bytes)
    app.add_middleware(AccessLogMiddleware, runs=service.runs, tracing=traced)
    app.add_middleware(UnreadBodyMiddleware)
    return app


def check_presets(settings: Settings) -> Mapping[str, Strategy]:
    """The presets as strategies; InvalidRequest names the preset that is not one."""
    presets: dict[str, Strategy] = {}
    for name, spec in settings.presets.items():
        try:
            presets[name] = parse(spec)
        except InvalidRequest as error:
            raise InvalidRequest(f"preset {name!r}: {error}", param=f"presets.{name}") from None
    return presets


def scorer_path(model: str) -> str:
    """Where a scorer's weights are: a path as given, or the embedded reward model, built if it is not there yet."""
    if model != EMBEDDED:
        return model
    from service.embedded.build import build

    return str(build().reward)


def _uncounted(settings: EngineSettings) -> EngineSettings:
    """vLLM counts for one engine in a process: a second one that counted would take away the generator's metrics."""
    return settings.model_copy(update={"engine_args": {"disable_log_stats": True, **settings.engine_args}})


def _start_engine(settings: EngineSettings, lock: GroupLock) -> RestartableEngine:
    if settings.backend == "scripted":
        from service.engine.scripted.engine import ScriptedEngine

        return ScriptedEngine()
    from service.embedded.chat_templates import TOOLS_TEMPLATE
    from service.embedded.paths import GENERATOR_NAME
    from service.engine.vllm.engine import VllmEngine

    embedded = settings.model == EMBEDDED
    if embedded and settings.chat_template is None:
        settings = settings.model_copy(update={"chat_template": TOOLS_TEMPLATE})
    path = _generator_path(settings)
    name = settings.served_model_name or (GENERATOR_NAME if embedded else settings.model)
    with _start_errors(f"engine.model {settings.model}"):
        return VllmEngine.start(settings, path, name, lock)


def _check_folder(settings: EngineSettings) -> None:
    """StartError for a path that is none; another name may be a repository's."""
    model = settings.model
    if settings.backend == "scripted":
        return
    if model.startswith(("/", "./", "../", "~")) and not Path(model).expanduser().is_dir():
        raise StartError(f"engine.model {model}: there is no such folder")


@contextlib.contextmanager
def _start_errors(what: str) -> Iterator[None]:
    """Whatever vLLM raises while it starts, as one line; the whole story is in the log at level debug."""
    try:
        yield
    except (StartError, NbestError):
        raise
    except Exception as error:
        log.debug("%s did not start", what, exc_info=True)
        told = str(error).strip().splitlines() or [""]
        raise StartError(f"{what} did not start: {type(error).__name__}: {told[0][:300]}") from error


def _take_turns(settings: Settings) -> bool:
    """Whether generator and scorers alternate: where they share cores, overlapping slows both."""
    if settings.sharing != "auto":
        return settings.sharing == "alternate"
    if settings.engine.backend == "scripted":
        return False
    from service.engine.vllm.engine import runs_on_cpu

    return runs_on_cpu()


def _fingerprint(settings: Settings, engine: ServedEngine) -> str:
    """Changes when an answer to the same request might: version, model, or configuration."""
    digest = hashlib.blake2b(settings.model_dump_json(exclude={"keys"}).encode(), digest_size=4).hexdigest()
    return f"nbest-{VERSION}+{engine.info.backend}-{digest}"
