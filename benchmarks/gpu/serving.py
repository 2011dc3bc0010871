"""A service on a free port of the loopback address, around engines that run already."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from service.app import Parts, create_app
from service.settings import Settings


@asynccontextmanager
async def serving(parts: Parts, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Leaving the block stops the service and its engines."""
    app = create_app(settings, parts.engine, parts.scorers)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn announces its start by this flag alone)
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=240) as http:
            yield http
    finally:
        server.should_exit = True
        await running


async def chat(http: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    """The reply to one question; RuntimeError with the service's own words where it is refused."""
    reply = await http.post("/v1/chat/completions", json=asked(body))
    if reply.status_code != 200:
        raise RuntimeError(f"HTTP {reply.status_code}: {reply.text[:300]}")
    read: dict[str, Any] = reply.json()
    return read


def asked(body: dict[str, Any]) -> dict[str, Any]:
    messages = [{"role": "user", "content": "What is 17 times 23? Think step by step."}]
    return {"messages": messages, **body}


@dataclass(frozen=True, slots=True)
class Streamed:
    """A streamed reply: seconds to its first byte of text and in all, and its characters."""

    first_s: float
    seconds: float
    characters: int


async def stream(http: httpx.AsyncClient, **body: Any) -> Streamed:
    began, first, characters = time.perf_counter(), 0.0, 0
    async with http.stream("POST", "/v1/chat/completions", json=asked({**body, "stream": True})) as reply:
        if reply.status_code != 200:
            raise RuntimeError(f"HTTP {reply.status_code}: {(await reply.aread())[:300]!r}")
        async for line in reply.aiter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line.removeprefix("data: "))
            text = "".join(choice["delta"].get("content") or "" for choice in chunk.get("choices", ()))
            if text and not characters:
                first = time.perf_counter() - began
            characters += len(text)
    return Streamed(first, time.perf_counter() - began, characters)
