"""When a request is sent again, decided without waiting for anything."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbest_client import (
    ConnectionFailed,
    DeadlineExceeded,
    InvalidRequest,
    NbestError,
    ServerFailed,
    TryAgain,
)
from nbest_client._http.retry import Retries, backoff_s, retry_after_s

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("error", [InvalidRequest("no"), ServerFailed("no"), DeadlineExceeded("no")])
def test_only_what_may_succeed_is_tried_again(error: NbestError) -> None:
    assert Retries(5).wait_s(error, 1, None, 0.0) is None


@pytest.mark.parametrize(("tried", "again"), [(1, True), (2, True), (3, False)])
def test_as_often_as_allowed(tried: int, again: bool) -> None:
    assert (Retries(2).wait_s(ConnectionFailed("cut"), tried, None, 0.0) is not None) is again


def test_none_at_all() -> None:
    assert Retries(0).wait_s(TryAgain("later"), 1, None, 0.0) is None


def test_the_server_is_waited_for_in_full() -> None:
    assert Retries(2).wait_s(TryAgain("later", retry_after_s=7.0), 1, 60.0, 0.9) == 7.0
    assert Retries(2).wait_s(TryAgain("later", retry_after_s=0.0), 1, 60.0, 0.9) == 0.0


def test_a_wait_beyond_the_deadline_is_in_vain() -> None:
    assert Retries(2).wait_s(TryAgain("later", retry_after_s=7.0), 1, 7.0, 0.0) is None
    assert Retries(2).wait_s(TryAgain("later"), 1, 0.1, 0.0) is None


def test_waits_double_up_to_a_cap() -> None:
    assert [backoff_s(tried) for tried in range(1, 8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


@given(st.integers(1, 50), st.floats(0, 1, exclude_max=True))
def test_jitter_takes_off_at_most_half(tried: int, jitter: float) -> None:
    wait_s = Retries(100).wait_s(TryAgain("later"), tried, None, jitter)
    assert wait_s is not None
    assert backoff_s(tried) / 2 <= wait_s <= backoff_s(tried)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "3", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:10 GMT"}, 10.0),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:10 -0000"}, 10.0),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after-ms": "inf", "retry-after": "2"}, 2.0),
    ],
)
def test_what_the_headers_ask_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, NOW) == seconds
