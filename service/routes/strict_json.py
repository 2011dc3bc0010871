"""JSON in the strict sense: no NaN, no infinities, no lone surrogates, no bottomless nesting; and HEAD where GET is."""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

import orjson
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from service.admission.validation import is_deeper
from service.protocol.json_errors import json_fault
from service.routes.dependencies import get_state
from service.routes.disconnect import ClientLeft


class BodyRefused(HTTPException):
    """A body that is not read as JSON. An HTTPException: of any other error FastAPI would drop the sentence."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        super().__init__(status, message)
        self.code = code
        self.param = param


class _StrictRequest(Request):
    async def json(self) -> Any:
        data = await self.body()
        most = get_state(self).settings.limits.max_json_depth
        try:
            told = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            # orjson's own bound is far above any that can be configured.
            if "depth limit" in error.msg:
                raise HTTPException(400, f"the body is nested deeper than {most} levels") from None
            fault = json_fault(data, error)
            raise BodyRefused(400, "invalid_json", fault.message, fault.param) from None
        if is_deeper(told, most):
            raise HTTPException(400, f"the body is nested deeper than {most} levels")
        return told


class _StrictRoute(APIRoute):
    heads: ClassVar[bool] = True

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            body = _StrictRequest(request.scope, request.receive)
            if self.body_field is not None:
                await _check_body(body)
            return await handler(body)

        return strict

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(self._as_get(scope))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """HEAD is answered as GET; uvicorn leaves out the body."""
        await super().handle(self._as_get(scope), receive, send)

    def _as_get(self, scope: Scope) -> Scope:
        is_head = scope["type"] == "http" and scope["method"] == "HEAD" and "GET" in (self.methods or ())
        return {**scope, "method": "GET"} if is_head and self.heads else scope


class _StreamRoute(_StrictRoute):
    """Without HEAD: the end of a stream may be far away."""

    heads = False


def strict_router(*, streams: bool = False) -> APIRouter:
    """A router whose routes read their bodies strictly; `streams` says that its GET routes answer as they go."""
    return APIRouter(route_class=_StreamRoute if streams else _StrictRoute)


async def _check_body(request: Request) -> None:
    """BodyRefused for one that is compressed, of another type, or not there."""
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        message = f"the body is compressed (content-encoding: {coding[:100]}): send it as it is"
        raise BodyRefused(415, "unsupported_media_type", message)
    kind = request.headers.get("content-type", "")
    if not _is_json(kind):
        sent = f"as {kind[:100]!r}" if kind else "without a content-type"
        message = f"the body was sent {sent}: send content-type: application/json"
        raise BodyRefused(415, "unsupported_media_type", message)
    try:
        data = await request.body()
    except ClientDisconnect:
        raise ClientLeft from None
    if not data:
        raise BodyRefused(400, "invalid_json", "the body is empty: send a JSON object")


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
