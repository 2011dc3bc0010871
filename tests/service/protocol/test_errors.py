"""Errors on the wire: every kind has a status, every body is small, and nothing internal is shown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.protocol.errors import KINDS, body, body_of, headers_of, kind_of
from strategies.base import errors
from strategies.base.errors import NbestError, Overloaded, QuotaExceeded, ScorerFailed, TooLongToScore


def test_every_error_of_ours_has_a_status() -> None:
    ours = {
        cls
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, NbestError) and cls is not NbestError
    }
    assert ours == set(KINDS)
    assert {kind.status for kind in KINDS.values()} <= {400, 404, 429, 503, 504}


def test_a_text_too_long_to_score_is_the_callers_to_mend() -> None:
    failed = ScorerFailed("x", scorer="s", reason="engine_dead")
    too_long = TooLongToScore("x", scorer="s", reason="too_long")
    assert (kind_of(failed).status, headers_of(failed)["x-should-retry"]) == (503, "true")
    assert (kind_of(too_long).status, headers_of(too_long)["x-should-retry"]) == (400, "false")


@pytest.mark.parametrize("error", [errors.EngineFailed("x"), ScorerFailed("x", scorer="s"), Overloaded("x")])
def test_what_may_be_tried_again_says_when(error: NbestError) -> None:
    assert headers_of(error)["x-should-retry"] == "true"
    assert 1 <= int(headers_of(error)["retry-after"]) <= 60


@pytest.mark.parametrize(
    "error", [errors.InvalidRequest("x"), errors.DeadlineExceeded("x"), RuntimeError("x")]
)
def test_what_will_not_help_again_says_so(error: Exception) -> None:
    assert headers_of(error) == {"x-should-retry": "false"}


def test_what_was_not_raised_on_purpose_is_not_shown() -> None:
    assert body_of(RuntimeError("password"))["error"]["message"] == "internal error"
    assert kind_of(RuntimeError()).status == 500


@pytest.mark.parametrize(("seconds", "header"), [(0.1, "1"), (1.2, "2"), (5, "5"), (600, "60")])
def test_a_full_server_says_when_to_come_back(seconds: float, header: str) -> None:
    for error in (Overloaded("full", retry_after_s=seconds), QuotaExceeded("used up", retry_after_s=seconds)):
        headers = headers_of(error)
        assert (headers["retry-after"], headers["x-should-retry"]) == (header, "true")


@given(st.text(), st.one_of(st.none(), st.text()))
def test_an_error_is_never_larger_than_4_kib(message: str, param: str | None) -> None:
    written = json.dumps(
        body(message * 50 + chr(0) * 600, type="t", code="c", param=param), ensure_ascii=False
    )
    assert len(written.encode(errors="surrogatepass")) <= 4096
