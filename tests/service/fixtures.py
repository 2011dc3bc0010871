"""A service on a scripted engine, in process for shapes and on a real socket for streams and disconnects."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.engine.ports import ServedEngine
from service.engine.scripted.engine import ScriptedEngine
from service.observability.tracing import Tracing
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.reward_functions.scripted import Fault, ScriptedOutcomeScorer, ScriptedStepScorer
from service.server import uvicorn_config
from service.settings import ServerSettings, Settings
from tests.service.prompt_server import PromptServer

PRESETS = {"careful": {"name": "best_of_n", "n": 4}}


def scripted_scorers(fault: Fault | None = None, delay_s: float = 0.0) -> LoadedScorers:
    """One scorer of each kind; `[score=0.7]` at the end of a text is its score."""
    return LoadedScorers(
        infos=(
            ScorerInfo("outcome", "outcome", "scripted", "scripted"),
            ScorerInfo("step", "step", "scripted", "scripted"),
        ),
        outcomes={"outcome": ScriptedOutcomeScorer("outcome", fault=fault, delay_s=delay_s)},
        steps={"step": ScriptedStepScorer("step", fault=fault, delay_s=delay_s)},
    )


@dataclass(frozen=True)
class Running:
    """A service that listens: its address, and its insides."""

    url: str
    engine: Any
    app: FastAPI

    def client(self) -> httpx.AsyncClient:
        # Without TLS there is nothing to verify, and reading the certificates takes longer than most tests.
        return httpx.AsyncClient(base_url=self.url, timeout=20, verify=False)


@contextlib.asynccontextmanager
async def listening(
    engine: ServedEngine,
    scorers: LoadedScorers | None = None,
    settings: Settings | None = None,
    fusors: Mapping[str, ServedEngine] | None = None,
    tracing: Tracing | None = None,
) -> AsyncIterator[Running]:
    """A service on a free port of the loopback address, until the block is left."""
    used = settings or Settings(server=ServerSettings(log_level="warning"), presets=PRESETS)
    app = create_app(used, engine, scorers or scripted_scorers(), fusors, tracing=tracing)
    config = uvicorn_config(app, used)
    config.port = 0
    server = PromptServer(config, app.state.service.drain)
    with _signals_left_alone(server):
        serving = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield Running(f"http://127.0.0.1:{port}", engine, app)
        finally:
            server.told.set()
            await serving


async def until(condition: Callable[[], object], within_s: float = 5.0) -> None:
    """Wait for something that no event announces; TimeoutError if it does not come."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 (nothing here could be awaited instead)
            await asyncio.sleep(0.005)


@contextlib.contextmanager
def _signals_left_alone(server: uvicorn.Server) -> Iterator[None]:
    """The test runner keeps its own handlers."""
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]
    yield


@pytest.fixture(scope="session")
async def shared() -> AsyncIterator[Running]:
    """One service for every test that only asks."""
    async with listening(ScriptedEngine()) as running:
        yield running


@pytest.fixture
async def http(shared: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with shared.client() as client:
        yield client


@pytest.fixture
async def own() -> AsyncIterator[Running]:
    """A service of the test's own, to count in or to break."""
    async with listening(ScriptedEngine()) as running:
        yield running


@pytest.fixture
async def own_http(own: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with own.client() as client:
        yield client


@pytest.fixture
def texts() -> Callable[..., ScriptedEngine]:
    """An engine that plays these texts, by index."""
    return lambda *texts, **options: ScriptedEngine(script=lambda prompt, index: texts[index], **options)
