"""All use of httpx: one request out, one reply in, whole or in pieces; its errors leave as ours."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx

from nbest_client._errors import ConnectionFailed, NbestError, ServerFailed
from nbest_client._http.deadline import Deadline
from nbest_client._http.replies import Reply
from nbest_client._requests import Call

CONNECT_S = 5.0
"""A server that is there accepts sooner; one that is not is tried again within the deadline."""

_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100)


class Incoming:
    """A reply that has begun. `close` ends it; if it was not read to the end, the connection goes with it."""

    def __init__(self, response: httpx.Response, deadline: Deadline) -> None:
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._pieces = response.iter_bytes()
        self._deadline = deadline
        self._watchdog = _watchdog(response, deadline)

    def piece(self) -> bytes | None:
        """The next bytes; None at the end."""
        with _told_as_ours(self._deadline):
            piece = next(self._pieces, None)
        if self._deadline.passed:
            raise self._deadline.exceeded()
        return piece

    def whole(self) -> Reply:
        """All of it, and the end of it."""
        try:
            return Reply(self.status, self.headers, b"".join(iter(self.piece, None)))
        finally:
            self.close()

    def close(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._response.close()


def _watchdog(response: httpx.Response, deadline: Deadline) -> threading.Timer | None:
    """Cuts the connection at the deadline: httpx limits each read, so a server that drips would never be late."""
    stream: Any = response.extensions.get("network_stream")
    left = deadline.remaining_s
    if stream is None or left is None:
        return None
    timer = threading.Timer(left, _cut, [stream.get_extra_info("socket")])
    timer.daemon = True
    timer.start()
    return timer


def _cut(connection: socket.socket | None) -> None:
    """Wakes whoever reads. The plain socket's method also for TLS, whose own would change what the reader holds."""
    if connection is not None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)


class Transport:
    """Sends requests and blocks until the reply begins."""

    def __init__(self, root: str, headers: dict[str, str], http: httpx.Client | None) -> None:
        self._root, self._headers = root, headers
        self._owned = http is None
        self._http = http or httpx.Client(limits=_LIMITS)

    def open(self, call: Call, deadline: Deadline) -> Incoming:
        """The reply, once its status is there."""
        request = self._http.build_request(
            call.method,
            self._root + call.path,
            content=call.content,
            headers=self._headers,
            timeout=_timeout(deadline, deadline.remaining_s),
        )
        with _told_as_ours(deadline):
            return Incoming(self._http.send(request, stream=True), deadline)

    def close(self) -> None:
        if self._owned:
            self._http.close()


class AsyncIncoming:
    """As `Incoming`, for a caller who can be cancelled: then too the connection is closed."""

    def __init__(self, response: httpx.Response, deadline: Deadline) -> None:
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._pieces: Any = response.aiter_bytes()
        self._deadline = deadline

    async def piece(self) -> bytes | None:
        """The next bytes; None at the end."""
        with _told_as_ours(self._deadline):
            async with asyncio.timeout(self._deadline.remaining_s):
                piece: bytes | None = await anext(self._pieces, None)
                return piece

    async def whole(self) -> Reply:
        """All of it, and the end of it."""
        try:
            pieces = []
            while (piece := await self.piece()) is not None:
                pieces.append(piece)
            return Reply(self.status, self.headers, b"".join(pieces))
        finally:
            await self.close()

    async def close(self) -> None:
        try:
            await self._pieces.aclose()
        finally:
            await self._response.aclose()


class AsyncTransport:
    """Sends requests and waits until the reply begins."""

    def __init__(self, root: str, headers: dict[str, str], http: httpx.AsyncClient | None) -> None:
        self._root, self._headers = root, headers
        self._owned = http is None
        self._http = http or httpx.AsyncClient(limits=_LIMITS)

    async def open(self, call: Call, deadline: Deadline) -> AsyncIncoming:
        """The reply, once its status is there."""
        request = self._http.build_request(
            call.method,
            self._root + call.path,
            content=call.content,
            headers=self._headers,
            timeout=_timeout(deadline, None),
        )
        with _told_as_ours(deadline):
            async with asyncio.timeout(deadline.remaining_s):
                return AsyncIncoming(await self._http.send(request, stream=True), deadline)

    async def close(self) -> None:
        if self._owned:
            await self._http.aclose()


def _timeout(deadline: Deadline, each_s: float | None) -> httpx.Timeout:
    """Connecting has a limit of its own; nothing else may take longer than `each_s`. Raises once there is no time."""
    if deadline.passed:
        raise deadline.exceeded()
    return httpx.Timeout(each_s, connect=deadline.within(CONNECT_S))


@contextlib.contextmanager
def _told_as_ours(deadline: Deadline) -> Iterator[None]:
    """httpx's errors, and the end of the time, as the errors of `nbest_client._errors`."""
    try:
        yield
    except (httpx.HTTPError, TimeoutError) as error:
        raise _ours(error, deadline) from error


def _ours(error: Exception, deadline: Deadline) -> NbestError:
    late = isinstance(error, TimeoutError | httpx.TimeoutException) and not isinstance(
        error, httpx.ConnectTimeout
    )
    if late or deadline.passed:
        return deadline.exceeded()
    if isinstance(error, httpx.DecodingError):
        return ServerFailed(f"the reply cannot be decoded: {error}")
    return ConnectionFailed(f"{str(error) or 'no connection'} ({type(error).__name__})")
