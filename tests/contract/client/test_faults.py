"""What both clients do when the connection or the server does not do what it should; on real sockets."""

import asyncio
import time

import pytest
from nbest_client import (
    AsyncClient,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidRequest,
    NotFound,
    ServerFailed,
    TryAgain,
)

from tests.contract.client.asking import Kind, call, generate
from tests.contract.client.faults import (
    COMPLETION,
    CUT,
    END,
    LONG,
    Step,
    faulty,
    refusal,
    reply,
)
from tests.service.fixtures import until

pytestmark = pytest.mark.usefixtures("short_pauses")
BOTH = pytest.mark.parametrize("kind", ["sync", "async"])
OK = reply(COMPLETION)


@BOTH
async def test_429_is_sent_again_when_the_server_said(kind: Kind) -> None:
    async with faulty([refusal(429, "rate_limit_exceeded", retry_after="0.2")], [OK]) as server:
        started = time.monotonic()
        assert (await generate(kind, server.url, max_retries=1)).text == "42"
        assert time.monotonic() - started >= 0.2
    assert [request.body["messages"][0]["content"] for request in server.requests] == ["6 times 7?"] * 2


@BOTH
async def test_503_is_sent_again(kind: Kind) -> None:
    overloaded = refusal(503, "server_is_overloaded", x_should_retry="true", retry_after_ms="10")
    async with faulty([overloaded], [overloaded], [OK]) as server:
        assert (await generate(kind, server.url, max_retries=2)).text == "42"
    assert len(server.requests) == 3
    assert server.connections == 1, "a whole error leaves the connection to be used again"


@BOTH
async def test_503_that_does_not_want_it_is_not_sent_again(kind: Kind) -> None:
    async with faulty([refusal(503, "engine_failed", x_should_retry="false")], [OK]) as server:
        with pytest.raises(ServerFailed, match="not now") as caught:
            await generate(kind, server.url, max_retries=5)
    assert len(server.requests) == 1
    assert (caught.value.status, caught.value.code) == (503, "engine_failed")
    assert caught.value.request_id == "req_1"


@BOTH
async def test_the_last_error_is_raised_when_the_tries_are_used_up(kind: Kind) -> None:
    busy = refusal(503, "server_is_overloaded", x_should_retry="true", retry_after_ms="5")
    async with faulty([busy]) as server:
        with pytest.raises(TryAgain) as caught:
            await generate(kind, server.url, max_retries=2)
    assert len(server.requests) == 3
    assert caught.value.retry_after_s == 0.005


@BOTH
async def test_no_wait_that_would_outlast_the_deadline(kind: Kind) -> None:
    async with faulty([refusal(429, "rate_limit_exceeded", retry_after="300")]) as server:
        with pytest.raises(TryAgain) as caught:
            await generate(kind, server.url, max_retries=2, timeout_s=60)
    assert caught.value.retry_after_s == 300
    assert len(server.requests) == 1


@BOTH
async def test_a_request_that_can_never_succeed_is_sent_once(kind: Kind) -> None:
    async with faulty([refusal(400, "invalid_value", x_should_retry="false")]) as server:
        with pytest.raises(InvalidRequest):
            await generate(kind, server.url, max_retries=2)
    assert len(server.requests) == 1


@BOTH
@pytest.mark.parametrize("cut", [[CUT], [OK[:-5], END], [OK[:20], CUT]])
async def test_a_reply_that_breaks_off_is_asked_for_again(kind: Kind, cut: list[Step]) -> None:
    async with faulty(cut, [OK]) as server:
        assert (await generate(kind, server.url, max_retries=1)).text == "42"
    assert len(server.requests) == 2


@BOTH
async def test_nobody_there(kind: Kind) -> None:
    async with faulty([OK]) as server:
        url = server.url
    with pytest.raises(ConnectionFailed, match="ConnectError"):
        await generate(kind, url)


@BOTH
async def test_a_slow_server_is_given_up_at_the_deadline(kind: Kind) -> None:
    async with faulty([LONG, OK]) as server:
        with pytest.raises(DeadlineExceeded, match=r"timeout_s=0\.4\b") as caught:
            await generate(kind, server.url, timeout_s=0.4, max_retries=2)
        await asyncio.wait_for(server.left.wait(), 20)
    assert caught.value.status is None
    assert len(server.requests) == 1


@BOTH
async def test_a_server_that_drips_is_given_up_at_the_deadline(kind: Kind) -> None:
    drops: list[Step] = [OK[:-100]]
    for byte in OK[-100:]:
        drops += [0.1, bytes([byte])]
    async with faulty(drops) as server:
        with pytest.raises(DeadlineExceeded):
            await generate(kind, server.url, timeout_s=0.4)
        await asyncio.wait_for(server.left.wait(), 20)


@BOTH
async def test_what_is_no_reply_of_ours_is_said_to_be_none(kind: Kind) -> None:
    async with faulty([reply(b"<html>")]) as server:
        with pytest.raises(ServerFailed, match="not nbest"):
            await generate(kind, server.url)
    async with faulty([reply(b"", 308, location="https://elsewhere/")]) as server:
        with pytest.raises(ServerFailed, match="elsewhere"):
            await generate(kind, server.url)
    async with faulty([reply(b"<html>", 404)]) as server:
        with pytest.raises(NotFound, match="404"):
            await generate(kind, server.url)


@BOTH
async def test_compare_has_one_clock_for_all(kind: Kind) -> None:
    async with faulty([OK], [LONG]) as server:
        told = await call(kind, server.url, "compare", "6 times 7?", [None, None], timeout_s=0.8)
    assert sorted(type(row.error or row.result).__name__ for row in told.rows) == [
        "DeadlineExceeded",
        "Generation",
    ]


async def test_a_cancelled_call_closes_its_connection() -> None:
    async with faulty([LONG, OK]) as server, AsyncClient(server.url, model="scripted") as client:
        asking = asyncio.create_task(client.generate("6 times 7?"))
        await until(lambda: server.requests, within_s=20)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.wait_for(server.left.wait(), 20)


async def test_a_cancelled_comparison_closes_all_its_connections() -> None:
    async with faulty([LONG, OK]) as server, AsyncClient(server.url, model="scripted") as client:
        asking = asyncio.create_task(client.compare("6 times 7?", [None] * 3))
        await until(lambda: len(server.requests) == 3, within_s=20)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: server.departures == 3, within_s=20)


async def test_what_every_request_says() -> None:
    async with (
        faulty([OK]) as server,
        AsyncClient(f"{server.url}/v1/", api_key="secret", model="m") as client,
    ):
        await client.generate("Hi", temperature=0.5)
    request = server.requests[0]
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["user-agent"].startswith("nbest-client/")
    assert request.body["messages"] == [{"role": "user", "content": "Hi"}]
    assert {name: request.body[name] for name in request.body if name != "messages"} == {
        "model": "m",
        "n": 1,
        "temperature": 0.5,
    }
