"""`GET /v1/runs/{id}/events`: what happens in a request, for the key that made it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import StreamingResponse

from service.keys.caller import current
from service.protocol import sse
from service.protocol.errors import body
from service.protocol.run_events import RunEvent
from service.routes.dependencies import AppState, get_state
from service.routes.generation import KEEP_ALIVE_S
from service.routes.strict_json import strict_router
from service.state.run_events import RunLog

router = strict_router(streams=True)

_TOO_SLOW = "events came faster than they were read, and some are no longer kept"


class _Events(StreamingResponse):
    """For the OpenAPI document."""

    media_type = "text/event-stream"


_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, each a `RunEvent` as JSON; the last one is `finished` or `failed`.",
        "model": RunEvent,
    }
}


@router.get("/v1/runs/{id}/events", response_class=_Events, responses=_DOCUMENTED)
async def events(id: str, service: Annotated[AppState, Depends(get_state)]) -> StreamingResponse:
    """What has happened in the request with this `x-request-id`, then what happens, until it has ended."""
    return _Events(_lines(service.runs.find(id, current().name)), headers=sse.HEADERS)


async def _lines(log: RunLog) -> AsyncIterator[bytes]:
    seq = 0
    while True:
        if seq and log.has_lost(seq):
            yield sse.event(body(_TOO_SLOW, type="server_error", code="reader_too_slow"))
            return
        event = log.after(seq)
        if event is not None:
            seq = event["seq"]
            yield sse.event(event)
        elif log.ended_at is not None:
            return
        else:
            try:
                await asyncio.wait_for(log.news.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                yield sse.KEEP_ALIVE
