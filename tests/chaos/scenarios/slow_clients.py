"""Clients that send their headers slowly, and clients that stop reading: both are cut off, and nobody else notices."""

import asyncio
import socket
import time

from tests.chaos.http import CHAT, chat, request_bytes
from tests.chaos.promises import Row, at_most, percentile
from tests.chaos.running import Running, running

_SLOW = 100
_HEADER_S = 2.0
_STALLED = 4
_WRITE_S = 2.0
_GOOD = 40
_LIMITS = {"header_timeout_s": _HEADER_S, "write_timeout_s": _WRITE_S}


async def run() -> list[Row]:
    async with running("slow headers", limits=_LIMITS) as service:
        alone = await _good_p95(service)
        slow = [asyncio.create_task(_half_a_header(service.port)) for _ in range(_SLOW)]
        await asyncio.sleep(0.2)
        beside = await _good_p95(service)
        closed = await asyncio.gather(*slow)
    async with running("stalled readers", limits=_LIMITS) as service:
        stalled = [await _stop_reading(service) for _ in range(_STALLED)]
        await service.until(lambda report: report["unfinished"] == _STALLED)
        freed_s = await service.until(lambda report: report["unfinished"] == report["in_flight"] == 0, 30)
        for connection in stalled:
            connection.close()
    return [
        at_most(
            f"{_SLOW} half-sent headers: each is closed by its time of 2 s + 1 s", _HEADER_S + 1, max(closed)
        ),
        at_most("good requests beside them, p95 (or 50 ms)", max(2 * alone, 0.05), beside),
        at_most(f"{_STALLED} streams whose readers stop: all work has ended", 15.0, freed_s),
    ]


async def _good_p95(service: Running) -> float:
    replies = [await service.ask(chat("2 + 2?")) for _ in range(_GOOD)]
    if any(reply.status != 200 for reply in replies):
        return float("nan")
    return percentile([reply.seconds for reply in replies], 0.95)


async def _half_a_header(port: int) -> float:
    """Send one byte every 100 ms; seconds until the server has had enough."""
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    closing = asyncio.create_task(reader.read(-1))
    try:
        writer.write(f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nx-slow: ".encode())
        while not closing.done() and time.monotonic() - begun < 60:
            writer.write(b"x")
            await asyncio.wait([closing], timeout=0.1)
    except OSError:
        pass
    finally:
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        writer.close()
    return time.monotonic() - begun


async def _stop_reading(service: Running) -> socket.socket:
    """Ask for a stream of 8 MB and read none of it."""
    connection = socket.socket()
    # Small, so that what the client does not read fills the server's buffers soon.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, ("127.0.0.1", service.port))
    body = service.body(chat("REPEAT 1000 8000 pace=0.02", stream=True, max_tokens=2000))
    await loop.sock_sendall(connection, request_bytes("POST", CHAT, body))
    return connection
