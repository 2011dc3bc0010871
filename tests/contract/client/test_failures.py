"""Every error of the server is one of the client's, and a client that leaves stops the engine; on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from nbest_client import (
    AsyncClient,
    BestOfN,
    Custom,
    DeadlineExceeded,
    InvalidRequest,
    NbestError,
    NotFound,
    ServerFailed,
    TryAgain,
)
from nbest_client import _requests as requests
from nbest_client._http.replies import Reply, error_in_stream, error_of

from service.engine.scripted.engine import ScriptedEngine
from service.protocol.errors import INTERNAL, KINDS, body_of, headers_of, kind_of
from strategies.base import errors
from tests.service.fixtures import Running, listening, until

QUESTION = "What is 6 times 7?"


pytestmark = pytest.mark.usefixtures("short_pauses")


@pytest.fixture(scope="module")
async def client(shared: Running) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(shared.url, max_retries=0) as opened:
        yield opened


OUTCOMES: dict[type[errors.NbestError], type[NbestError]] = {
    errors.InvalidRequest: InvalidRequest,
    errors.PromptTooLong: InvalidRequest,
    errors.Unsupported: InvalidRequest,
    errors.NotFound: NotFound,
    errors.QuotaExceeded: TryAgain,
    errors.Overloaded: TryAgain,
    errors.DeadlineExceeded: DeadlineExceeded,
    errors.EngineFailed: TryAgain,
    errors.ScorerFailed: TryAgain,
    errors.TooLongToScore: InvalidRequest,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_of_the_server_is_one_of_the_client(kind: type[errors.NbestError]) -> None:
    """With its status, and in a stream without one."""
    theirs = kind("no", scorer="s") if issubclass(kind, errors.ScorerFailed) else kind("no")
    told, headers = body_of(theirs), headers_of(theirs)
    whole = error_of(Reply(kind_of(theirs).status, headers, requests.Call("", told).content or b""))
    assert type(whole) is type(error_in_stream(told, None)) is OUTCOMES[kind]
    assert isinstance(whole, TryAgain) is kind_of(theirs).retry


def test_what_the_server_did_not_foresee() -> None:
    told = body_of(RuntimeError("secret"))
    assert type(error_in_stream(told, None)) is ServerFailed
    assert type(error_of(Reply(INTERNAL.status, {}, b""))) is ServerFailed


async def test_an_error_names_the_field(client: AsyncClient) -> None:
    with pytest.raises(InvalidRequest, match=r"strategy\.m") as caught:
        await client.generate(QUESTION, strategy=Custom("best_of_n", m=3))
    assert (caught.value.status, caught.value.param, caught.value.code) == (
        400,
        "strategy.m",
        "invalid_value",
    )
    assert (caught.value.request_id or "").startswith("req_")
    unknown: Any = {"temprature": 0.5}
    with pytest.raises(InvalidRequest, match="temprature"):
        await client.generate(QUESTION, **unknown)
    with pytest.raises(NotFound):
        await client.generate(QUESTION, model="gpt-nothing")


async def test_an_address_that_is_not_the_services(client: AsyncClient, shared: Running) -> None:
    async with AsyncClient(f"{shared.url}/elsewhere") as lost:
        with pytest.raises(NotFound) as caught:
            await lost.generate(QUESTION)
    assert caught.value.code == "unknown_url"


async def test_a_dead_engine_is_an_error_that_says_when_to_try_again(own: Running) -> None:
    own.engine.dead = True
    async with AsyncClient(own.url, max_retries=0) as client:
        with pytest.raises(TryAgain) as caught:
            await client.generate(QUESTION)
    assert (caught.value.status, caught.value.code) == (503, "engine_failed")
    assert 1 <= (caught.value.retry_after_s or 0) <= 60


async def test_an_engine_that_breaks_in_a_stream() -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "word " * 50, token_s=0.02)
    async with (
        listening(engine) as running,
        AsyncClient(running.url) as client,
        client.stream(QUESTION) as stream,
    ):
        assert (await anext(stream)).text
        engine.token_s = "no number"  # type: ignore[assignment]  # so that the next token fails
        with pytest.raises(ServerFailed, match="internal error"):
            async for _ in stream:
                pass


async def test_leaving_a_stream_stops_the_engine() -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "word " * 1000, token_s=0.01)
    async with listening(engine) as running, AsyncClient(running.url) as client:
        async with client.stream(QUESTION) as stream:
            await anext(stream)
            assert engine.unfinished
        await until(lambda: not engine.unfinished)


async def test_a_cancelled_call_stops_the_engine() -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "word " * 1000, token_s=0.01)
    async with listening(engine) as running, AsyncClient(running.url) as client:
        asking = asyncio.create_task(client.generate(QUESTION, strategy=BestOfN(n=4), temperature=0.8))
        await until(lambda: engine.unfinished == 4)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: not engine.unfinished)


async def test_a_call_that_runs_out_of_time_stops_the_engine() -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "word " * 1000, token_s=0.01)
    async with listening(engine) as running, AsyncClient(running.url, model="scripted") as client:
        with pytest.raises(DeadlineExceeded):
            await client.generate(QUESTION, timeout_s=0.5)
        await until(lambda: not engine.unfinished)
