"""Shutdown: new requests are refused, those in flight end, and past the time limit they are answered with an error."""

import asyncio
import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.edge.authentication import OPEN_PATHS
from service.edge.error_responses import STOPPING, refusal
from service.protocol import sse
from service.protocol.errors import body

RETRY_AFTER_S = 5
"""After which a client that was refused will reach another server, or this one's successor."""


class Drain:
    """Whether the service was told to stop, what is still in flight, and when waiting for it ends.

    `begin` may be called from a signal handler. `notice_s` is how long the port stays open at least, so that a load
    balancer sees `/ready` say no before it meets a closed port.
    """

    def __init__(
        self, timeout_s: float = 60.0, notice_s: float = 0.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._timeout_s, self._notice_s, self._now = timeout_s, notice_s, now
        self._begun_at: float | None = None
        self._in_flight: set[asyncio.Timeout] = set()

    @property
    def begun(self) -> bool:
        return self._begun_at is not None

    @property
    def in_flight(self) -> int:
        """Requests that were let in and have not ended."""
        return len(self._in_flight)

    def begin(self) -> None:
        """Let nothing new in. Safe to call twice."""
        if self._begun_at is None:
            self._begun_at = self._now()

    def is_over(self) -> bool:
        """Whether there is nothing left to wait for, or no time left to wait."""
        if self._begun_at is None:
            return False
        passed = self._now() - self._begun_at
        return passed >= self._timeout_s or (passed >= self._notice_s and not self._in_flight)

    def cut_off(self) -> None:
        """End what is still in flight; each is told why."""
        for limit in self._in_flight:
            if not limit.expired():
                limit.reschedule(0)

    def enter(self) -> asyncio.Timeout:
        """The block of one request: counted while it runs, and ended by `cut_off` with TimeoutError."""
        limit = asyncio.Timeout(None)
        self._in_flight.add(limit)
        return limit

    def leave(self, limit: asyncio.Timeout) -> None:
        self._in_flight.discard(limit)


class DrainMiddleware:
    """The door that a `Drain` closes. What operators ask stays open: they want to see the stop."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
        elif self._drain.begun:
            await _stopping()(scope, receive, _Reply(send, self._drain))
        else:
            await self._in_flight(scope, receive, _Reply(send, self._drain))

    async def _in_flight(self, scope: Scope, receive: Receive, reply: "_Reply") -> None:
        limit = self._drain.enter()
        try:
            async with limit:
                await self._app(scope, receive, reply)
        except TimeoutError:
            if not limit.expired():
                raise
            await reply.end(scope, receive)
        finally:
            self._drain.leave(limit)


class _Reply:
    """What has been sent of one reply, so that it can be ended in the middle."""

    def __init__(self, send: Send, drain: Drain) -> None:
        self._send = send
        self._drain = drain
        self._started: Headers | None = None
        self._ended = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._drain.begun:
                MutableHeaders(scope=message)["connection"] = "close"
            self._started = Headers(raw=message["headers"])
        else:
            self._ended = not message.get("more_body", False)
        await self._send(message)

    async def end(self, scope: Scope, receive: Receive) -> None:
        """An ordinary error where nothing was sent yet, a last chunk in a stream; any other reply just breaks off."""
        if self._started is None:
            await _stopping()(scope, receive, self._send)
        elif not self._ended and self._started.get("content-type", "").startswith("text/event-stream"):
            told = sse.event(body(_MESSAGE, type="server_error", code=STOPPING))
            await self._send({"type": "http.response.body", "body": told, "more_body": False})


_MESSAGE = "the server is stopping; try again in a moment"


def _stopping() -> ASGIApp:
    return refusal(503, STOPPING, _MESSAGE, retry_after_s=RETRY_AFTER_S)
