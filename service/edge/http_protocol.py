"""HTTP as uvicorn speaks it, with the bounds that uvicorn has not: headers by size and number, and times to arrive.

uvicorn takes headers of any size and number, and waits for a half-sent request for ever (uvicorn#157). Here a
connection that does not get its request across in time, or does not read what it asked for, is closed.
"""

import asyncio
from typing import Any, ClassVar

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.admission.settings import Limits
from service.edge.authentication import OPEN_PATHS
from service.edge.error_responses import OVERLOADED, body_too_large, new_request_id, refusal
from service.edge.unread_body import UnreadBodyMiddleware

_CROWDED_RETRY_AFTER_S = 2


def bounded_protocol(limits: Limits) -> type[HttpToolsProtocol]:
    """The protocol class for `uvicorn.Config(http=…)`, with these limits."""
    return type("BoundedProtocol", (BoundedProtocol,), {"limits": limits})


class _Refused(Exception):
    """Raised into the parser, which then stops."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A refusal is OpenAI's error object, and closes it."""

    limits: ClassVar[Limits] = Limits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._whole_app: ASGIApp = self.config.loaded_app
        self._crowded_app = UnreadBodyMiddleware(_Crowded(self._whole_app))
        self._too_late: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._refusal: Response | None = None
        self._header_bytes = 0
        self._body_bytes = 0
        self._silent_bytes = 0
        self._is_receiving = False

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        self._cancel_unread()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._too_late is None and not self._is_receiving:
            self._expect_headers()
        self._silent_bytes += len(data)
        super().data_received(data)
        # What the parser swallows without a word it keeps: half a header, or half a trailer.
        if self._silent_bytes > self.limits.max_header_bytes and not self.transport.is_closing():
            self._refuse(_headers_too_large(self.limits))

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        # Closing waits until the client has read everything, and it may never.
        self.loop.call_later(self.limits.write_timeout_s, self.transport.abort)

    # The request: the parser's callbacks

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._silent_bytes = self._header_bytes = self._body_bytes = 0
        self._is_receiving = True

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)
        if len(self.headers) > self.limits.max_headers:
            self._refusal = refusal(431, "headers_too_large", f"more than {self.limits.max_headers} headers")
            raise _Refused

    def on_headers_complete(self) -> None:
        is_crowded = len(self.connections) > self.limits.max_connections
        self.app = self._crowded_app if is_crowded else self._whole_app
        super().on_headers_complete()
        self._silent_bytes = 0
        self._expect_nothing()
        if not self.pipeline:
            self._expect_body()

    def on_body(self, body: bytes) -> None:
        self._silent_bytes = 0
        self._body_bytes += len(body)
        most = self.limits.max_body_bytes
        if self._body_bytes > most + self.limits.max_discarded_bytes:
            self._refusal = refusal(413, "request_too_large", body_too_large(most))
            raise _Refused
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._silent_bytes = 0
        self._is_receiving = False
        self._expect_nothing()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_receiving and self._too_late is None and not self.transport.is_closing():
            self._expect_body()

    def send_400_response(self, msg: str) -> None:
        """What the parser did not take: because of a bound of ours, or because it is no HTTP."""
        self._refuse(self._refusal or refusal(400, "invalid_http", "this is not a request in HTTP/1.1"))

    def _count(self, size: int) -> None:
        self._silent_bytes = 0
        self._header_bytes += size
        if self._header_bytes > self.limits.max_header_bytes:
            self._refusal = _headers_too_large(self.limits)
            raise _Refused

    # Times

    def _expect_headers(self) -> None:
        self._expect_nothing()
        self._too_late = self.loop.call_later(self.limits.header_timeout_s, self._headers_too_late)

    def _expect_body(self) -> None:
        self._too_late = self.loop.call_later(self.limits.body_timeout_s, self._body_too_late)

    def _expect_nothing(self) -> None:
        if self._too_late is not None:
            self._too_late.cancel()
            self._too_late = None

    def _headers_too_late(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # The next request of a pipeline waits behind a reply that is still being written.
            self._expect_headers()
        elif not self._is_receiving:
            self.transport.close()
        else:
            self._refuse(_timed_out("the headers", self.limits.header_timeout_s))

    def _body_too_late(self) -> None:
        self._refuse(_timed_out("the body", self.limits.body_timeout_s))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._cancel_unread()
        self._unread = self.loop.call_later(self.limits.write_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_unread()

    def _cancel_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    # Refusals

    def _refuse(self, response: Response) -> None:
        """Say why, where no other reply has begun, and close."""
        self._expect_nothing()
        if self.cycle is not None and not self.cycle.response_complete:
            # Whoever works on this request learns that nobody waits for the answer any more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            response.headers.update({"x-request-id": new_request_id(), "connection": "close"})
            lines = [name + b": " + value + b"\r\n" for name, value in response.raw_headers]
            head = b"".join([STATUS_LINE[response.status_code], *lines])
            self.transport.write(head + b"\r\n" + bytes(response.body))
        self.transport.close()


class _Crowded:
    """The application while there are too many connections: it answers operators and refuses everybody else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        told = refusal(503, OVERLOADED, "too many connections are open", retry_after_s=_CROWDED_RETRY_AFTER_S)
        told.headers.update({"x-request-id": new_request_id(), "connection": "close"})
        await told(scope, receive, send)


def _headers_too_large(limits: Limits) -> Response:
    message = f"request line and headers have more than {limits.max_header_bytes} bytes"
    return refusal(431, "headers_too_large", message)


def _timed_out(what: str, seconds: float) -> Response:
    return refusal(408, "request_timeout", f"{what} did not arrive within {seconds:g} s", retry_after_s=1)
