"""A body that nobody reads is read on and dropped, so that its sender gets the reply: over real sockets, bounded."""

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.admission.settings import Limits
from service.engine.scripted.engine import ScriptedEngine
from service.keys.settings import KeySettings
from service.settings import ServerSettings, Settings
from tests.service.edge.connecting import connected
from tests.service.fixtures import PRESETS, Running, listening

MIB = 1 << 20
LIMITS = Limits(max_body_bytes=64 << 10, max_discarded_bytes=32 * MIB, body_timeout_s=2.0)
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
async def bounded() -> AsyncIterator[Running]:
    settings = Settings(server=ServerSettings(log_level="error"), limits=LIMITS, presets=PRESETS)
    async with listening(ScriptedEngine(), settings=settings) as running:
        yield running


def upload(
    url: str, size: int, path: str = CHAT, *, chunked: bool = False, **headers: str
) -> tuple[int, Any, str | None]:
    """As plain clients do it: the whole body is sent before anything is read."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)

    def pieces() -> Iterator[bytes]:
        for start in range(0, size, 65_536):
            yield b"x" * min(65_536, size - start)

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sized = {} if chunked else {"content-length": str(size)}
    try:
        connection.request(
            "POST",
            path,
            pieces(),
            {"content-type": "application/json", **sized, **named},
            encode_chunked=chunked,
        )
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read()), reply.getheader("connection")
    finally:
        connection.close()


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [MIB, 5 * MIB, 30 * MIB])
async def test_the_413_is_read_however_far_over_the_limit(
    bounded: Running, size: int, chunked: bool, closes: bool
) -> None:
    headers = {"connection": "close"} if closes else {}
    status, body, _ = await asyncio.to_thread(upload, bounded.url, size, chunked=chunked, **headers)
    assert (status, body["error"]["code"]) == (413, "request_too_large")
    assert "65536 bytes (limits.max_body_bytes)" in body["error"]["message"]


@pytest.mark.parametrize(
    ("path", "expected"), [("/nowhere", {404, 413}), ("/v1/models", {405, 413}), ("/health", {405, 413})]
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_so_is_any_reply_made_before_the_body_has_come(
    bounded: Running, path: str, expected: set[int], chunked: bool
) -> None:
    status, _, _ = await asyncio.to_thread(
        upload, bounded.url, 8 * MIB, path, chunked=chunked, connection="close"
    )
    assert status in expected


async def test_so_is_a_401() -> None:
    keys = [KeySettings(name="a", sha256="0" * 64)]
    settings = Settings(server=ServerSettings(log_level="error"), keys=keys)
    async with listening(ScriptedEngine(), settings=settings) as running:
        status, body, _ = await asyncio.to_thread(
            upload, running.url, 900_000, chunked=True, connection="close", authorization="Bearer wrong"
        )
    assert (status, body["error"]["code"]) == (401, "invalid_api_key")


async def test_beyond_the_second_limit_the_connection_is_closed(bounded: Running) -> None:
    async with connected(bounded.url) as one:
        await one.send(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        piece, sent = b"10000\r\n" + b"x" * 65_536 + b"\r\n", 0
        while sent < 200 * MIB and not one.reader.at_eof():
            await one.send(piece)
            sent += 65_536
            if one.writer.is_closing() or one.reader.exception() is not None:
                break
    assert 32 * MIB <= sent < 64 * MIB
    assert (await asyncio.to_thread(upload, bounded.url, 10))[0] == 400


async def test_a_body_that_stops_coming_ends_the_wait(bounded: Running) -> None:
    async with connected(bounded.url) as one:
        await one.send(
            f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999\r\n\r\n".encode() + b"x" * 99_999
        )
        told = await one.rest(within_s=8)
    assert told.startswith(b"HTTP/1.1 413 ")
    assert one.reader.at_eof()


async def test_a_client_that_waits_for_leave_is_refused_at_once(bounded: Running) -> None:
    async with connected(bounded.url) as one:
        head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999\r\nexpect: 100-continue\r\n\r\n"
        await one.send(head.encode())
        told = await one.rest(within_s=1.5)
    assert told.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in told.lower()
    assert b"100 Continue" not in told


async def test_the_connection_serves_the_next_request_afterwards(bounded: Running) -> None:
    address = urlsplit(bounded.url)

    def twice() -> tuple[int, int]:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
        statuses = []
        for path, body in ((CHAT, b"x" * 5 * MIB), ("/health", None)):
            connection.request("POST" if body else "GET", path, body)
            reply = connection.getresponse()
            reply.read()
            statuses.append(reply.status)
        connection.close()
        return statuses[0], statuses[1]

    assert await asyncio.to_thread(twice) == (413, 200)


async def test_what_is_dropped_is_not_kept(bounded: Running) -> None:
    """Sent in one go by many at once: what is held of each is what the parser holds, not the body."""
    results = await asyncio.gather(*(asyncio.to_thread(upload, bounded.url, 16 * MIB) for _ in range(6)))
    assert [status for status, _, _ in results] == [413] * 6
