"""The only wiring: settings in, a running service out. Nothing else constructs an engine or a model."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from fastapi import FastAPI

from service import http_errors
from service.admission import Admission
from service.answers.pool import AnswerChecker
from service.edge import Edge
from service.engine.base import ServedEngine
from service.engine.turns import Turns
from service.metrics import Metrics
from service.reward_models.base import ServedScorers
from service.reward_models.loader import load_scorers
from service.routes import chat, completions, health, models, scoring, strategies
from service.runner import Runner
from service.section import EMBEDDED
from service.settings import EngineSettings, Settings
from service.state import Service
from service.version import VERSION
from strategies.base.errors import InvalidRequest
from strategies.base.strategy import Strategy
from strategies.catalog import parse


@dataclass(frozen=True, slots=True)
class Parts:
    """What takes long to start, and must be started in the main thread before the event loop."""

    engine: ServedEngine
    scorers: ServedScorers
    fusors: Mapping[str, ServedEngine] = field(default_factory=dict)


def start_parts(settings: Settings) -> Parts:
    """Load the generator, the fusors and the reward models; takes tens of seconds with real models.

    One after the other: vLLM measures free memory as each starts.
    """
    check_presets(settings)
    turns = Turns(enabled=_take_turns(settings))
    with contextlib.ExitStack() as on_failure:
        engine = _start_engine(settings.engine, turns)
        on_failure.callback(_close, engine)
        fusors: dict[str, ServedEngine] = {}
        for name, section in settings.fusors.items():
            fusors[name] = _start_engine(section, turns)
            on_failure.callback(_close, fusors[name])
        generators = {engine.info.model: engine, **fusors}
        scorers = load_scorers(settings.loaded_scorers, scorer_path, turns, generators=generators)
        on_failure.pop_all()
    return Parts(engine, scorers, fusors)


def _close(engine: ServedEngine) -> None:
    asyncio.run(engine.aclose())


def create_app(
    settings: Settings,
    engine: ServedEngine,
    scorers: ServedScorers,
    fusors: Mapping[str, ServedEngine] | None = None,
) -> FastAPI:
    """The HTTP application around its engines and scorers; closing it closes them all."""
    metrics = Metrics()
    others = fusors or {}
    admission = Admission(settings.limits, metrics)
    checker = AnswerChecker()
    runner = Runner(engine, scorers, admission, settings.limits, metrics, others, checker)
    fingerprint = _fingerprint(settings, engine)
    presets = check_presets(settings)
    service = Service(settings, engine, scorers, runner, metrics, fingerprint, presets, started=time.time())
    metrics.build.labels(VERSION, engine.info.backend, engine.info.model).set(1)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            service.draining = True
            closing = [fusor.aclose() for fusor in others.values()]
            await asyncio.gather(engine.aclose(), scorers.aclose(), checker.aclose(), *closing)

    # FastAPI's own pages of documentation load their scripts from elsewhere, which a closed network does not reach.
    app = FastAPI(title="nbest", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.service = service
    for group in (chat, completions, models, strategies, scoring, health):
        app.include_router(group.router)
    http_errors.install(app)
    app.add_middleware(Edge, max_body_bytes=settings.limits.max_body_bytes)
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


def _start_engine(settings: EngineSettings, turns: Turns) -> ServedEngine:
    if settings.kind == "scripted":
        from service.engine.scripted_engine import ScriptedEngine

        return ScriptedEngine()
    from service.embedded.build import build_generator
    from service.embedded.models import GENERATOR_NAME
    from service.engine.vllm_engine import VllmEngine

    embedded = settings.model == EMBEDDED
    path = str(build_generator()) if embedded else settings.model
    name = settings.served_name or (GENERATOR_NAME if embedded else settings.model)
    return VllmEngine.start(settings, path, name, turns)


def _take_turns(settings: Settings) -> bool:
    """Whether generator and scorers alternate: where they share cores, overlapping slows both."""
    if settings.sharing != "auto":
        return settings.sharing == "alternate"
    if settings.engine.kind == "scripted":
        return False
    from service.engine.vllm_engine import runs_on_cpu

    return runs_on_cpu()


def _fingerprint(settings: Settings, engine: ServedEngine) -> str:
    """Changes when an answer to the same request might: version, model, or configuration."""
    digest = hashlib.blake2b(settings.model_dump_json().encode(), digest_size=4).hexdigest()
    return f"nbest-{VERSION}+{engine.info.backend}-{digest}"
