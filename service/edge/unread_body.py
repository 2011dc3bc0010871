"""A reply that is made before the whole body has come: the rest is read and dropped, so that the client gets the reply.

Closed on while it sends, a connection is reset, and what was written to it is lost with it. The reply goes out at once,
its end when the body has ended: `limits.body_timeout_s` and `limits.max_discarded_bytes` bound the wait, where
connections are (`http_protocol.py`).
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class UnreadBodyMiddleware:
    """The outermost layer, so that it holds for every reply, whoever makes it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(headers := Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        waits = headers.get("expect", "").lower() == "100-continue"
        body = _Body(receive, send, sender_waits=waits)
        await self._app(scope, body.receive, body.send)


class _Body:
    """One request's body, and its reply."""

    def __init__(self, receive: Receive, send: Send, *, sender_waits: bool) -> None:
        self._receive, self._send = receive, send
        self._ended = False
        self._sender_waits = sender_waits
        """Whether the client sends nothing before it is told to, which the first call of `receive` does."""

    async def receive(self) -> Message:
        self._sender_waits = False
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._ended = True
        return message

    async def send(self, message: Message) -> None:
        is_start = message["type"] == "http.response.start"
        if is_start and self._sender_waits:
            # It will not send the body, and what it sends next on this connection could be taken for one.
            MutableHeaders(scope=message)["connection"] = "close"
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not is_last or self._ended or self._sender_waits:
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        await self._read_on()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _read_on(self) -> None:
        while not self._ended:
            await self.receive()


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
