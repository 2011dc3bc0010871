"""Bare connections that do what no good client does: each is refused or closed in time, and others are served."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from service.admission.settings import Limits
from service.engine.scripted.engine import ScriptedEngine
from service.settings import ServerSettings, Settings
from tests.service.edge.connecting import connected
from tests.service.fixtures import Running, listening, until

LIMITS = Limits(
    max_header_bytes=2048,
    max_headers=10,
    header_timeout_s=0.3,
    body_timeout_s=0.3,
    write_timeout_s=0.4,
    keep_alive_s=1,
    max_connections=3,
    max_body_bytes=4096,
)
GET = b"GET /health HTTP/1.1\r\nhost: x\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


@pytest.fixture
async def bounded() -> AsyncIterator[Running]:
    """A service with short patience."""
    settings = Settings(server=ServerSettings(log_level="error"), limits=LIMITS)
    async with listening(ScriptedEngine(), settings=settings) as running:
        yield running


def parsed(reply: bytes) -> tuple[int, dict[str, str], Any]:
    """Status, headers and error of one reply."""
    head, _, body = reply.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(status.split()[1]), headers, json.loads(body)["error"]


@pytest.mark.parametrize(
    "head",
    [
        GET + b"x: " + b"y" * 3000 + b"\r\n\r\n",
        GET + b"x: " + b"y" * 300_000,
        b"GET /" + b"y" * 3000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        GET + b"".join(b"h%d: 1\r\n" % i for i in range(20)) + b"\r\n",
    ],
    ids=["one header", "a header without end", "the address", "many headers"],
)
async def test_headers_beyond_the_limits_are_a_431(bounded: Running, head: bytes) -> None:
    async with connected(bounded.url) as connection:
        await connection.send(head)
        status, headers, error = parsed(await connection.rest())
    assert (status, error["code"], error["type"]) == (431, "headers_too_large", "invalid_request_error")
    assert headers["x-should-retry"] == "false"
    assert headers["x-request-id"].startswith("req_")


async def test_headers_at_the_limit_are_served(bounded: Running) -> None:
    fields = b"".join(b"h%d: 1\r\n" % i for i in range(9))
    async with connected(bounded.url) as connection:
        await connection.send(GET + fields + b"\r\n")
        assert (await connection.reader.readline()).startswith(b"HTTP/1.1 200")


async def test_a_trailer_without_end_is_not_kept(bounded: Running) -> None:
    chunked = POST + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx: "
    async with connected(bounded.url) as connection:
        await connection.send(chunked + b"y" * 100)
        await connection.send(b"y" * 300_000)
        assert (await connection.rest()).startswith(b"HTTP/1.1 4")


async def test_what_is_not_http_is_a_400_in_the_shape_of_every_error(bounded: Running) -> None:
    async with connected(bounded.url) as connection:
        await connection.send(b"\x16\x03\x01 hello\r\n\r\n")
        status, _, error = parsed(await connection.rest())
    assert (status, error["code"]) == (400, "invalid_http")


async def test_slow_headers_are_a_408_and_closed(bounded: Running) -> None:
    async with connected(bounded.url) as connection:
        for piece in (b"GET /health HT", b"TP/1.1\r\n", b"host", b": x\r\n"):
            await connection.send(piece)
            await asyncio.sleep(0.1)
        status, headers, error = parsed(await connection.rest())
    assert (status, error["code"], headers["connection"]) == (408, "request_timeout", "close")


async def test_a_slow_body_is_a_408_and_closed(bounded: Running) -> None:
    async with connected(bounded.url) as connection:
        await connection.send(POST + b"content-length: 100\r\n\r\n{")
        await asyncio.sleep(0.2)
        await connection.send(b'"model"')
        status, _, error = parsed(await connection.rest())
    assert (status, error["code"]) == (408, "request_timeout")
    assert "body" in error["message"]


@pytest.mark.parametrize("said", [b"", b"\r\n", GET + b"\r\n"], ids=["nothing", "an empty line", "a request"])
async def test_a_connection_that_says_nothing_more_is_closed(bounded: Running, said: bytes) -> None:
    async with connected(bounded.url) as connection:
        await connection.send(said)
        assert await connection.closed_after_s() < (2.5 if said.startswith(b"GET") else 1.5)


async def test_many_slow_connections_do_not_hinder_an_honest_one() -> None:
    settings = Settings(server=ServerSettings(log_level="error"), limits=Limits(header_timeout_s=1))
    async with listening(ScriptedEngine(), settings=settings) as running:
        async with asyncio.TaskGroup() as group:
            begun = [group.create_task(half_a_request(running.url)) for _ in range(100)]
            await asyncio.sleep(0.3)
            async with running.client() as http, asyncio.timeout(1):
                assert (await http.get("/health")).status_code == 200
        assert all(task.result() == 408 for task in begun)


async def half_a_request(url: str) -> int:
    async with connected(url) as connection:
        await connection.send(GET)
        return parsed(await connection.rest())[0]


async def test_beyond_the_connections_only_operators_are_answered(bounded: Running) -> None:
    async with connected(bounded.url), connected(bounded.url), connected(bounded.url):
        async with bounded.client() as http:
            refused = await http.get("/v1/models")
            health = await http.get("/health")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "server_is_overloaded")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["x-should-retry"] == "true"
        assert health.status_code == 200
    async with bounded.client() as http:
        assert (await http.get("/v1/models")).status_code == 200


async def test_requests_that_come_together_are_all_answered(bounded: Running) -> None:
    async with connected(bounded.url) as connection:
        await connection.send((GET + b"\r\n") * 5)
        assert (await connection.rest()).count(b"HTTP/1.1 200") == 5


async def test_a_client_that_does_not_read_is_cut_off_and_its_work_stops(bounded: Running) -> None:
    """It asks for far more than any buffer holds, and reads nothing of it."""
    ask = {"model": "scripted", "messages": [{"role": "user", "content": "x"}], "max_tokens": 4000}
    bounded.engine.script = lambda prompt, index: " ".join(["x" * 5000] * 4000)
    body = json.dumps(ask | {"stream": True}).encode()
    address = urlsplit(bounded.url)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, (address.hostname, address.port))
        await loop.sock_sendall(client, POST + b"content-length: %d\r\n\r\n" % len(body) + body)
        await until(lambda: bounded.app.state.service.drain.in_flight == 1)
        await until(lambda: bounded.app.state.service.drain.in_flight == 0, within_s=10)
    async with bounded.client() as http:
        assert (await http.get("/health")).status_code == httpx.codes.OK
