"""What chat and plain completions share: run the strategy, and answer whole or as a stream."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from service.metering.run import RunResult
from service.protocol import sse
from service.protocol.chunks import ChunkStream
from service.protocol.errors import body_of
from service.protocol.sampling import SamplingFields
from service.routes.dependencies import AppState
from service.routes.disconnect import unless_disconnected
from service.routes.streaming_run import LiveRun
from strategies.base.errors import NbestError, Unsupported
from strategies.base.ports import Delta
from strategies.base.strategy import Strategy
from strategies.base.types import Prompt

log = logging.getLogger(__name__)

HEADERS_S = 1.0
"""Silence after which a stream begins without text: its headers say under which id its progress can be followed."""

KEEP_ALIVE_S = 10.0
"""Silence after which a comment is sent, so that no proxy takes the connection for dead."""


def new_id(prefix: str) -> str:
    return f"{prefix}-{secrets.token_hex(16)}"


def chosen_strategy(service: AppState, body: SamplingFields) -> Strategy:
    """The request's strategy, unless it cannot honour a field that the request sets."""
    strategy = service.strategy(body.model, body.strategy)
    for name in sorted(filter(body.asks_for, strategy.refuses)):
        raise Unsupported(f"{name} is not supported by the strategy {strategy.name}", param=name)
    return strategy


async def answer_whole(
    request: Request,
    service: AppState,
    strategy: Strategy,
    prompt: Prompt,
    route: str,
    write: Callable[[RunResult], Any],
) -> Response:
    """The whole answer at once; the work stops if the client leaves."""
    run = await unless_disconnected(request, service.runner.run(strategy, prompt, route=route))
    return JSONResponse(write(run))


async def answer_stream(
    request: Request, service: AppState, strategy: Strategy, prompt: Prompt, route: str, stream: ChunkStream
) -> Response:
    """The answer as server-sent events.

    The reply starts with the first text, the end, or the first keep-alive, whichever comes first: what fails
    before that is an ordinary error with its own status.
    """
    service.runner.check(strategy, prompt)
    live = LiveRun(service.runner, strategy, prompt, route)
    writing = _Writing(stream, prompt.k)
    try:
        first = await unless_disconnected(request, _first(live))
        lines = writing.rest(await live.result()) if first is None else writing.more(first)
    except BaseException:
        await live.cancel()
        raise
    chunks = _chunks(live, lines, None if first is None else writing)
    return StreamingResponse(chunks, media_type="text/event-stream", headers=sse.HEADERS)


async def _first(live: LiveRun) -> Delta | bytes | None:
    first = await _next(live, HEADERS_S)
    if first is None:
        await live.result()
    return first


async def _next(live: LiveRun, silence_s: float = KEEP_ALIVE_S) -> Delta | bytes | None:
    """Text, None at the end, or a comment to send after a silence."""
    try:
        return await asyncio.wait_for(live.next(), silence_s)
    except TimeoutError:
        return sse.KEEP_ALIVE


@dataclass(slots=True)
class _Writing:
    """A stream as it is written: which choices were live, and whether it has been opened."""

    stream: ChunkStream
    k: int
    _live: set[int] = field(default_factory=set)
    _is_open: bool = False

    def more(self, item: Delta | bytes) -> list[bytes]:
        """The lines of live text, or of a comment."""
        if isinstance(item, bytes):
            return [item]
        chunks = self._opened(self.k, item.prompt_tokens)
        self._live.add(item.index)
        return [sse.event(chunk) for chunk in (*chunks, *self.stream.add(item.index, item))]

    def rest(self, run: RunResult) -> list[bytes]:
        """Whatever was not live, then the end."""
        chunks = self._opened(len(run.outcome.selected), run.meter.prompt_tokens)
        for i, candidate in enumerate(run.outcome.answers):
            if i not in self._live:
                chunks += self.stream.add(i, candidate)
        return [*map(sse.event, chunks + self.stream.end(run)), sse.DONE]

    def _opened(self, n: int, prompt_tokens: int) -> list[dict[str, Any]]:
        if self._is_open:
            return []
        self._is_open = True
        return self.stream.begin(n, prompt_tokens)


async def _chunks(live: LiveRun, lines: list[bytes], writing: _Writing | None) -> AsyncIterator[bytes]:
    """The lines that are written already, and what comes after them if it is not the end; closing this stops the run.

    An error is a chunk of its own and ends the stream: its status has been sent.
    """
    try:
        for line in lines:
            yield line
        if writing is None:
            return
        while (item := await _next(live)) is not None:
            for line in writing.more(item):
                yield line
        for line in writing.rest(await live.result()):
            yield line
    except Exception as error:
        if not isinstance(error, NbestError):
            log.exception("a stream broke off")
        yield sse.event(body_of(error))
    finally:
        await live.cancel()
