"""Which error a reply is, what it carries, and that the tree drawn in the docstring is the tree."""

import json
import pickle
import re
from typing import Any

import pytest
from nbest_client import (
    AuthenticationError,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidRequest,
    NbestError,
    NotFound,
    ServerFailed,
    TryAgain,
    _errors,
)
from nbest_client._http.replies import Reply, error_in_stream, error_of, read
from nbest_client._responses.results import Generation


def refused(status: int, error: object = None, **headers: str) -> NbestError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return error_of(Reply(status, named, json.dumps({"error": error}).encode()))


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (307, ServerFailed),
        (400, InvalidRequest),
        (401, AuthenticationError),
        (403, AuthenticationError),
        (404, NotFound),
        (408, TryAgain),
        (413, InvalidRequest),
        (418, InvalidRequest),
        (429, TryAgain),
        (500, ServerFailed),
        (502, TryAgain),
        (503, TryAgain),
        (504, DeadlineExceeded),
        (599, ServerFailed),
    ],
)
def test_by_status(status: int, cls: type[NbestError]) -> None:
    assert type(refused(status)) is cls


def test_the_servers_own_word_on_trying_again_counts_more() -> None:
    assert type(refused(500, x_should_retry="true")) is TryAgain
    assert type(refused(503, x_should_retry="false")) is ServerFailed
    assert type(refused(400, x_should_retry="false")) is InvalidRequest
    assert type(refused(504, x_should_retry="false")) is DeadlineExceeded


def test_an_error_carries_what_the_server_said() -> None:
    told = {"message": "n is too large", "type": "invalid_request_error", "param": "strategy.n", "code": "x"}
    error = refused(400, told, x_request_id="req_7", retry_after="2")
    assert (error.message, error.type, error.param, error.code) == tuple(told.values())
    assert (error.status, error.request_id, error.retry_after_s) == (400, "req_7", 2.0)
    assert str(error) == "n is too large (status 400, code x, param strategy.n, request req_7)"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"error": "text"}', b'{"error": {"code": []}}', b"\xff"]
)
def test_a_stranger_who_has_no_error_object(body: bytes) -> None:
    error = error_of(Reply(502, {}, body))
    assert str(error) == "the server answered 502 (status 502)"
    assert error.code is None


def test_codes_that_are_numbers() -> None:
    assert refused(400, {"message": "bad", "code": 400}).code == "400"


@pytest.mark.parametrize(
    ("told", "cls"),
    [
        ({"code": "deadline_exceeded"}, DeadlineExceeded),
        ({"code": "engine_failed"}, TryAgain),
        ({"code": "server_is_stopping"}, TryAgain),
        ({"code": "rate_limit_exceeded"}, TryAgain),
        ({"code": "internal_error", "type": "server_error"}, ServerFailed),
        ({"code": "invalid_value", "type": "invalid_request_error"}, InvalidRequest),
        ({"code": "not_found", "type": "invalid_request_error"}, NotFound),
        ("nonsense", ServerFailed),
    ],
)
def test_in_a_stream_by_code(told: Any, cls: type[NbestError]) -> None:
    assert type(error_in_stream({"error": told}, None)) is cls


def test_a_success_that_is_something_else_is_a_failure_of_the_server() -> None:
    for body in (b"<html>", b"[]", b"null", b'{"choices": []}'):
        with pytest.raises(ServerFailed, match="not nbest") as caught:
            read(Reply(200, {"x-request-id": "req_1"}, body), Generation)
        assert caught.value.request_id == "req_1"


def test_errors_survive_pickling() -> None:
    error = TryAgain("later", status=503, retry_after_s=1.0)
    twin = pickle.loads(pickle.dumps(error))
    assert (str(twin), twin.retry_after_s) == (str(error), 1.0)


def test_the_tree_that_is_drawn_is_the_tree() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (_errors.__doc__ or "").splitlines():
        if found := re.match(r"([│├└─ ]*)([A-Z][a-z]\w+)(?=\s{2,}|$)", line):
            depth, name = len(found[1]) // 4, found[2]
            above[depth:] = [name]
            drawn[name] = above[depth - 1] if depth else "Exception"
    classes = [cls for cls in vars(_errors).values() if isinstance(cls, type)]
    assert drawn == {cls.__name__: cls.__base__.__name__ for cls in classes if cls.__base__}
    assert issubclass(ConnectionFailed, TryAgain)
