"""A server made of bytes and pauses, on a real socket: what goes wrong between a client and a service, on purpose."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

CUT: Final = "cut"
"""The connection is reset, unsent bytes lost."""
END: Final = "end"
"""The connection is closed in good order."""

LONG: Final = 60.0
"""Seconds of silence that no test waits for."""
KEEP_ALIVE: Final = b": keep-alive\n\n"
"""What our server sends into a silence."""

Step = bytes | float | str
"""Bytes to send, seconds to wait, CUT or END."""

CHUNK: Final = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
COMPLETION: Final = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "scripted",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "42"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


@dataclass
class Request:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class FaultyServer:
    """Answers the requests in turn, the last reply over and over; counts, and knows when a client has left."""

    replies: Sequence[Sequence[Step]]
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    departures: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                self.requests.append(await _request(reader))
                reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
                if not await self._play(reply, reader, writer):
                    break
        self.departures += 1
        self.left.set()
        writer.close()

    async def _play(
        self, reply: Sequence[Step], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Whether the connection is still there for another request."""
        for step in reply:
            if step == CUT:
                writer.transport.abort()
                return False
            if step == END:
                return False
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif await _leaves(reader, float(step)):
                return False
        return True


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(head[0].split(" ")[1], headers, json.loads(body) if body else None)


async def _leaves(reader: asyncio.StreamReader, within_s: float) -> bool:
    """Whether the client closes the connection while it should be waiting."""
    try:
        async with asyncio.timeout(within_s):
            return await reader.read(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@contextlib.asynccontextmanager
async def faulty(*replies: Sequence[Step]) -> AsyncIterator[FaultyServer]:
    """Such a server on a free port of the loopback address, until the block is left."""
    played = FaultyServer(replies)
    server = await asyncio.start_server(played.handle, "127.0.0.1", 0)
    played.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield played
    finally:
        server.close()


def reply(told: object, status: int = 200, **headers: str) -> bytes:
    """A whole JSON reply; underscores in the names of headers stand for hyphens."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    lines = {"content-type": "application/json", "content-length": str(len(body)), "x-request-id": "req_1"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    return _head(status, lines) + body


def refusal(status: int, code: str, **headers: str) -> bytes:
    """An error as our server sends it."""
    error = {"message": "not now", "type": "server_error", "param": None, "code": code}
    return reply({"error": error}, status, **headers)


def streaming(kind: str = "text/event-stream") -> bytes:
    """The head of a stream."""
    lines = {"content-type": kind, "transfer-encoding": "chunked", "x-request-id": "req_1"}
    return _head(200, lines)


def piece(data: bytes) -> bytes:
    """Bytes as one piece of a chunked body; no bytes are its end."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(text: str = "", **more: object) -> bytes:
    """One chunk of a streamed answer."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return (
        b"data: " + json.dumps({**CHUNK, "choices": [choice], **more}, ensure_ascii=False).encode() + b"\n\n"
    )


DONE: Final = b"data: [DONE]\n\n"


def _head(status: int, lines: dict[str, str]) -> bytes:
    head = [f"HTTP/1.1 {status} Reason", *(f"{name}: {value}" for name, value in lines.items())]
    return "\r\n".join([*head, "", ""]).encode()
