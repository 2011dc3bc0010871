"""What only the transport knows: the watchdog of a blocking read, and what becomes of httpx's errors."""

import socket
import threading

import httpx
import pytest
from nbest_client._http.deadline import Deadline
from nbest_client._http.transport import _ours, _watchdog


class Wire:
    """What httpcore gives of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def get_extra_info(self, name: str) -> socket.socket | None:
        return self.connection if name == "socket" else None


def test_the_watchdog_wakes_a_read_that_nothing_else_would_end() -> None:
    here, there = socket.socketpair()
    with here, there:
        response = httpx.Response(200, extensions={"network_stream": Wire(here)})
        watchdog = _watchdog(response, Deadline.after(0.05))
        assert watchdog is not None
        assert here.recv(1) == b""
        watchdog.join()


def test_no_watchdog_without_a_limit_or_a_connection() -> None:
    before = threading.active_count()
    assert _watchdog(httpx.Response(200), Deadline.after(1.0)) is None
    assert _watchdog(httpx.Response(200), Deadline.after(float("inf"))) is None
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (httpx.ConnectError("refused"), "ConnectionFailed"),
        (httpx.ConnectTimeout(""), "ConnectionFailed"),
        (httpx.ReadError(""), "ConnectionFailed"),
        (httpx.RemoteProtocolError("incomplete"), "ConnectionFailed"),
        (httpx.DecodingError("not gzip"), "ServerFailed"),
        (httpx.ReadTimeout(""), "DeadlineExceeded"),
        (httpx.PoolTimeout(""), "DeadlineExceeded"),
        (TimeoutError(), "DeadlineExceeded"),
    ],
)
def test_each_error_of_httpx_is_one_of_ours(error: Exception, name: str) -> None:
    assert type(_ours(error, Deadline.after(60))).__name__ == name


def test_whatever_happens_after_the_deadline_is_the_deadline() -> None:
    late = Deadline(1.0, at=0.0)
    assert type(_ours(httpx.RemoteProtocolError("cut"), late)).__name__ == "DeadlineExceeded"
