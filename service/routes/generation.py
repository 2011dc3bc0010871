"""What chat and plain completions share: run the strategy, and answer whole or as a stream."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
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
from strategies.base.errors import Unsupported
from strategies.base.ports import Delta
from strategies.base.strategy import Strategy
from strategies.base.types import Prompt

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
    try:
        first = await unless_disconnected(request, _first(live))
    except BaseException:
        await live.cancel()
        raise
    return StreamingResponse(_chunks(live, first, prompt.k, stream), media_type="text/event-stream")


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


async def _chunks(
    live: LiveRun, item: Delta | bytes | None, k: int, stream: ChunkStream
) -> AsyncIterator[bytes]:
    """Live text as it comes, then whatever was not live, then the end. Closing this stops the run."""
    streamed: set[int] = set()
    opened = False
    try:
        while item is not None:
            if isinstance(item, bytes):
                yield item
            else:
                if not opened:
                    opened = True
                    for chunk in stream.opening(k):
                        yield sse.event(chunk)
                streamed.add(item.index)
                for chunk in stream.piece(item.index, item):
                    yield sse.event(chunk)
            item = await _next(live)
        for line in await _ending(live, streamed, stream, opened=opened):
            yield line
    finally:
        await live.cancel()


async def _ending(live: LiveRun, streamed: set[int], stream: ChunkStream, *, opened: bool) -> list[bytes]:
    """The rest of the stream once the run has ended; an error is a chunk of its own and ends the stream."""
    try:
        run = await live.result()
    except Exception as error:
        return [sse.event(body_of(error))]
    chunks = [] if opened else stream.opening(len(run.outcome.selected))
    for i, candidate in enumerate(run.outcome.answers):
        if i not in streamed:
            chunks += stream.piece(i, candidate)
    return [*map(sse.event, chunks + stream.end(run)), sse.DONE]
