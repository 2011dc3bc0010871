"""The outermost layer: every request has its record here, and when it has ended its line in the log and its span."""

import logging
import time
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.edge.authentication import OPEN_PATHS
from service.observability.request_record import Record, recording
from service.observability.tracing import Tracing
from service.state.run_events import Runs

log = logging.getLogger(__name__)

_OFTEN = OPEN_PATHS | {"/metrics"}
"""What machines ask every few seconds: told at the level `debug` alone, and not traced."""

_METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})


class AccessLogMiddleware:
    """Notes each request from its first byte to its last, in words of ours: no path, header or body of a caller's."""

    def __init__(self, app: ASGIApp, runs: Runs, tracing: Tracing) -> None:
        self._app, self._runs, self._tracing = app, runs, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = Record(self._runs, method=scope["method"] if scope["method"] in _METHODS else "OTHER")
        if scope["path"] not in _OFTEN:
            record.span = self._tracing.request(Headers(scope=scope))

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
            await send(message)

        with recording(record):
            try:
                await self._app(scope, receive, noted)
            finally:
                # Known once the router has matched it; what matches nothing has no name.
                record.route = getattr(scope.get("route"), "path", None)
                record.span.close(_name(record), _attributes(record), record.status)
                log.log(_level(scope["path"], record), "request", extra={"fields": _line(record)})


def _level(path: str, record: Record) -> int:
    if record.ending == "internal_error":
        return logging.ERROR
    return logging.DEBUG if path in _OFTEN else logging.INFO


def _name(record: Record) -> str:
    return f"{record.method} {record.route}" if record.route else record.method


def _line(record: Record) -> dict[str, Any]:
    told = {
        "request_id": record.id,
        "key": record.key,
        "method": record.method,
        "route": record.route,
        "status": record.status,
        "outcome": record.ending,
        "duration_ms": round((time.monotonic() - record.since) * 1000, 3),
        "strategy": record.strategy,
        "time_ms": record.time_ms or None,
        "tokens": record.tokens or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _attributes(record: Record) -> dict[str, str | int | float]:
    """By OpenTelemetry's conventions for HTTP where they have a word, and under `nbest` where not."""
    told: dict[str, str | int | float | None] = {
        "http.request.method": record.method,
        "http.route": record.route,
        "http.response.status_code": record.status,
        "nbest.request_id": record.id,
        "nbest.strategy": record.strategy,
        "nbest.outcome": record.ending,
        **{f"nbest.{name}": count for name, count in record.tokens.items()},
    }
    return {name: value for name, value in told.items() if value is not None}
