"""What every request passes first: an id of our own making, and a body of bounded size."""

import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.protocol.errors import body


class Edge:
    """Adds `x-request-id` to every reply; the caller's own is echoed as `x-client-request-id` and used nowhere."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = RequestBodyLimitMiddleware(app, max_body_bytes)
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        outgoing = _with_ids(send, headers.get("x-request-id"))
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._max_body_bytes:
            await _too_large(self._max_body_bytes)(scope, receive, outgoing)
            return
        await self._app(scope, receive, outgoing)


def _with_ids(send: Send, theirs: str | None) -> Send:
    ours = f"req_{secrets.token_hex(16)}"

    async def outgoing(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = ours
            if theirs and len(theirs) <= 128 and theirs.isascii() and theirs.isprintable():
                headers["x-client-request-id"] = theirs
        await send(message)

    return outgoing


def _too_large(most: int) -> JSONResponse:
    told = body(
        f"the body has more than {most} bytes", type="invalid_request_error", code="request_too_large"
    )
    return JSONResponse(told, 413, headers={"x-should-retry": "false"})
