"""An id of our own making for every request, and a body of bounded size."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.edge.error_responses import body_too_large, new_request_id, refusal
from service.observability import request_record


class RequestIdMiddleware:
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
            message = body_too_large(self._max_body_bytes)
            await refusal(413, "request_too_large", message)(scope, receive, outgoing)
            return
        await self._app(scope, receive, outgoing)


def _with_ids(send: Send, theirs: str | None) -> Send:
    ours = request_record.current().id = new_request_id()

    async def outgoing(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = ours
            headers["x-content-type-options"] = "nosniff"
            if theirs and len(theirs) <= 128 and theirs.isascii() and theirs.isprintable():
                headers["x-client-request-id"] = theirs
        await send(message)

    return outgoing
