"""What clients send and read around the JSON itself: types, codings, codes that they look for, headers, HEAD."""

import gzip
import json
import zlib
from typing import Any

import httpx
import pytest

from service.engine.ports import EngineInfo
from service.engine.scripted.engine import ScriptedEngine
from service.engine.scripted.script import FAIL
from tests.service.fixtures import Running, listening
from tests.service.routes.asking import ASK, post

BODY = json.dumps(ASK).encode()
ROUTES = ("/v1/chat/completions", "/v1/completions", "/v1/score", "/v1/select")


async def send(http: httpx.AsyncClient, body: bytes, path: str = ROUTES[0], **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = await http.post(path, content=body, headers=named)
    return reply.status_code, reply.json()["error"]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "GZIP, br"])
async def test_a_compressed_body_is_told_to_be_one(http: httpx.AsyncClient, path: str, coding: str) -> None:
    status, error = await send(
        http, gzip.compress(BODY), path, content_type="application/json", content_encoding=coding
    )
    assert (status, error["code"]) == (415, "unsupported_media_type")
    assert f"compressed (content-encoding: {coding.lower()})" in error["message"]


@pytest.mark.parametrize(
    ("body", "coding"),
    [(gzip.compress(BODY), "gzip"), (zlib.compress(BODY), "deflate")],
    ids=["gzip", "deflate"],
)
async def test_one_that_does_not_say_so_too(http: httpx.AsyncClient, body: bytes, coding: str) -> None:
    status, error = await send(http, body, content_type="application/json")
    assert (status, error["code"]) == (400, "invalid_json")
    assert f"compressed ({coding})" in error["message"]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"]
)
async def test_a_body_of_another_type_is_told_which(http: httpx.AsyncClient, path: str, kind: str) -> None:
    headers = {"content_type": kind} if kind else {}
    status, error = await send(http, BODY, path, **headers)
    assert (status, error["code"]) == (415, "unsupported_media_type")
    assert "application/json" in error["message"]
    assert (repr(kind) if kind else "without a content-type") in error["message"]


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/vnd.x+json"],
)
async def test_json_by_any_of_its_names_is_read(http: httpx.AsyncClient, kind: str) -> None:
    reply = await http.post(
        ROUTES[0], content=BODY, headers={"content-type": kind, "content-encoding": "identity"}
    )
    assert reply.status_code == 200


@pytest.mark.parametrize("path", ROUTES)
async def test_an_empty_body_is_told_to_be_empty(http: httpx.AsyncClient, path: str) -> None:
    status, error = await send(http, b"", path, content_type="application/json")
    assert (status, error["code"]) == (400, "invalid_json")
    assert "empty" in error["message"]


async def test_the_field_of_a_value_that_json_has_not_is_named(http: httpx.AsyncClient) -> None:
    broken = BODY[:-1] + b', "temperature": NaN}'
    status, error = await send(http, broken, content_type="application/json")
    assert (status, error["code"], error["param"]) == (400, "invalid_json", "temperature")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (ROUTES[0], ASK | {"messages": [{"role": "user", "content": "word " * 50}]}, "messages"),
        (ROUTES[0], ASK | {"messages": [{"role": "user", "content": "word " * 50}], "stream": True}, "messages"),
        (ROUTES[0], ASK | {"messages": [{"role": "user", "content": "word"}] * 40, "n": 2}, "messages"),
        (ROUTES[1], {"model": "scripted", "prompt": "word " * 50}, "prompt"),
    ],
)  # fmt: skip
async def test_a_prompt_that_is_too_long_has_the_code_that_clients_look_for(
    path: str, body: Any, field: str
) -> None:
    engine = ScriptedEngine(info=EngineInfo("scripted", "scripted", 32))
    async with listening(engine) as running, running.client() as http:
        reply = await http.post(path, json=body)
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["param"]) == (400, "context_length_exceeded", field)
    assert "maximum context length is 32 tokens" in error["message"]


@pytest.mark.parametrize(
    "path",
    ["/health", "/ready", "/version", "/metrics", "/v1/models", "/v1/models/scripted", "/v1/strategies"],
)
async def test_head_is_get_without_the_body(http: httpx.AsyncClient, path: str) -> None:
    head, get = await http.head(path), await http.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize("path", ROUTES)
async def test_head_where_there_is_no_get_is_a_405(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.head(path)).status_code == 405


async def test_head_of_ready_says_no_too(own_http: httpx.AsyncClient, own: Running) -> None:
    own.engine.dead = True
    assert (await own_http.head("/ready")).status_code == 503
    assert (await own_http.head("/health")).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"), [(ROUTES[0], ASK), (ROUTES[1], {"model": "scripted", "prompt": "6 times 7?"})]
)
async def test_no_proxy_stores_a_stream_or_holds_it_back(
    http: httpx.AsyncClient, path: str, body: Any
) -> None:
    reply = await http.post(path, json=body | {"stream": True})
    assert reply.status_code == 200
    assert (reply.headers["cache-control"], reply.headers["x-accel-buffering"]) == ("no-cache", "no")
    events = await http.get(f"/v1/runs/{reply.headers['x-request-id']}/events")
    assert (events.headers["cache-control"], events.headers["x-accel-buffering"]) == ("no-cache", "no")


@pytest.mark.parametrize(
    "target", ["http://example.invalid/s.json", "file:///etc/passwd", "other.json", "//x/y"]
)
async def test_a_schema_that_refers_elsewhere_is_refused_by_any_engine(
    http: httpx.AsyncClient, target: str
) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": target}}}
    told = await post(
        http, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    )
    error = told.json()["error"]
    assert (told.status_code, error["param"]) == (400, "response_format")
    assert target in error["message"]
    assert "/properties/a" in error["message"]


async def test_candidates_that_fail_by_their_schema_are_the_callers_fault() -> None:
    async with (
        listening(ScriptedEngine(script=lambda prompt, index: FAIL)) as running,
        running.client() as http,
    ):
        plain = await post(http)
        told = await post(http, response_format={"type": "json_object"})
    assert (plain.status_code, plain.json()["error"]["code"]) == (503, "engine_failed")
    assert (told.status_code, told.json()["error"]["param"]) == (400, "response_format")
