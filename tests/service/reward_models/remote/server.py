"""A small HTTP server on a real socket that answers as it is told, faults included."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Respond = Callable[["Asked"], "Reply"]


@dataclass(frozen=True)
class Asked:
    """One request as it came, and how many came before it."""

    path: str
    headers: dict[str, str]
    body: Any
    number: int


@dataclass(frozen=True)
class Reply:
    """What goes back: a status and JSON (or raw bytes); `drops` closes the connection, `waits_s` comes first."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    drops: bool = False
    waits_s: float = 0.0
    drips: bool = False


@dataclass
class Server:
    url: str
    asked: list[Asked] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0


@asynccontextmanager
async def answering(respond: Respond) -> AsyncIterator[Server]:
    """The server, until the block is left."""
    server = Server("")
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            while await _one(reader, writer, respond, server):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            serving.discard(task)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        for task in tuple(serving):
            task.cancel()
        await asyncio.gather(*serving)


async def _one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, respond: Respond, server: Server
) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    asked = Asked(head[0].split(" ")[1], headers, json.loads(content or b"null"), len(server.asked))
    server.asked.append(asked)
    server.at_once += 1
    server.most_at_once = max(server.most_at_once, server.at_once)
    try:
        reply = respond(asked)
        await asyncio.sleep(reply.waits_s)
    finally:
        server.at_once -= 1
    if reply.drops:
        return False
    payload = reply.raw if reply.raw is not None else json.dumps(reply.body).encode()
    told = {"content-type": "application/json", "content-length": str(len(payload)), **reply.headers}
    writer.write(f"HTTP/1.1 {reply.status} X\r\n".encode())
    writer.write("".join(f"{name}: {value}\r\n" for name, value in told.items()).encode() + b"\r\n")
    for piece in [payload[i : i + 1] for i in range(len(payload))] if reply.drips else [payload]:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.05 if reply.drips else 0)
    return True
