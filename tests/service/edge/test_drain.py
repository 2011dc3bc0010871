"""Told to stop, the service refuses what is new, finishes what is in flight, and past the limit says so."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from service.edge.drain import Drain
from service.engine.scripted.engine import ScriptedEngine
from service.settings import ServerSettings, Settings
from tests.service.fixtures import Running, listening, until
from tests.service.routes.asking import ASK

SLOW = 0.05


@pytest.fixture
async def slow() -> AsyncIterator[Running]:
    """Each answer takes about half a second."""
    settings = Settings(server=ServerSettings(log_level="error", drain_timeout_s=30))
    async with listening(ScriptedEngine(token_s=SLOW), settings=settings) as running:
        yield running


def drain_of(running: Running) -> Drain:
    drain: Drain = running.app.state.service.drain
    return drain


async def ask(http: httpx.AsyncClient, **fields: object) -> httpx.Response:
    return await http.post("/v1/chat/completions", json=ASK | fields)


async def test_new_requests_are_refused_and_those_in_flight_end(slow: Running) -> None:
    drain = drain_of(slow)
    # The port stays open while this keeps the drain from being over.
    held = drain.enter()
    async with slow.client() as http, slow.client() as other:
        whole = asyncio.create_task(ask(http))
        stream = asyncio.create_task(ask(http, stream=True))
        await until(lambda: drain.in_flight == 3)
        drain.begin()
        refused = await ask(other, user="x" * 300_000)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "server_is_stopping")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (refused.headers["x-should-retry"], refused.headers["connection"]) == ("true", "close")
        assert (await other.get("/ready")).status_code == 503
        assert (await other.get("/health")).status_code == 200
        assert (await whole).status_code == 200
        assert (await whole).headers["connection"] == "close"
        assert (await stream).text.endswith("data: [DONE]\n\n")
        drain.leave(held)
        await until(lambda: slow.engine.dead)


async def test_at_the_limit_what_is_still_in_flight_is_told_why(slow: Running) -> None:
    slow.engine.token_s = 1.0
    drain = drain_of(slow)
    async with slow.client() as http:
        whole = asyncio.create_task(ask(http))
        async with http.stream("POST", "/v1/chat/completions", json=ASK | {"stream": True}) as stream:
            lines = stream.aiter_lines()
            while (line := await anext(lines)) in (": keep-alive", ""):
                pass
            assert line.startswith("data: ")
            drain.begin()
            drain.cut_off()
            rest = [line async for line in lines if line]
        assert json.loads(rest[-1].removeprefix("data: "))["error"]["code"] == "server_is_stopping"
        refused = await whole
        assert (refused.status_code, refused.headers["x-should-retry"]) == (503, "true")
        assert slow.engine.unfinished == 0


def test_when_it_is_over() -> None:
    now = 0.0
    drain = Drain(timeout_s=10, notice_s=2, now=lambda: now)
    assert not drain.is_over()
    drain.begin()
    assert not drain.is_over()
    now = 2.0
    assert drain.is_over()
    request = drain.enter()
    assert not drain.is_over()
    now = 9.9
    drain.begin()
    assert not drain.is_over()
    now = 10.0
    assert drain.is_over()
    drain.leave(request)
    assert (drain.is_over(), drain.in_flight) == (True, 0)
