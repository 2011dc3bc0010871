"""Every route of the service needs a key, whatever it is called and however the request is bent."""

import hashlib
import itertools
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from service.engine.scripted.engine import ScriptedEngine
from service.keys.caller import current
from service.settings import ServerSettings, Settings
from strategies.base.types import Prompt
from tests.service.edge.connecting import connected
from tests.service.fixtures import PRESETS, Running, listening
from tests.service.routes.asking import ASK, BEST

KEYS = {
    "alice": "nbest-alice-0123456789",
    "bob": "nbest-bob-0123456789",
    "prometheus": "nbest-prom-0123456789",
}
HASHES = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in KEYS.items()}
SETTINGS = Settings.model_validate(
    {
        "server": ServerSettings(log_level="info"),
        "presets": PRESETS,
        "keys": [
            {"name": "alice", "sha256": HASHES["alice"], "tokens_per_minute": 2000},
            {"name": "bob", "sha256": HASHES["bob"], "max_concurrent_requests": 1},
            {"name": "prometheus", "sha256": HASHES["prometheus"], "scopes": ["metrics"]},
        ],
    }
)
OPEN = {"/health", "/ready"}


@pytest.fixture(scope="module")
async def keyed() -> AsyncIterator[Running]:
    async with listening(ScriptedEngine(), settings=SETTINGS) as running:
        yield running


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {KEYS[name]}"}


def routes(running: Running) -> list[tuple[str, str]]:
    """Every method and path that the application knows, and some that it does not."""
    known = [
        (method, route.path.replace("{id:path}", "x").replace("{id}", "x"))
        for route in running.app.routes
        if isinstance(route, Route | Mount)
        for method in (getattr(route, "methods", None) or {"GET"})
    ]
    assert sum(isinstance(route, APIRoute) for route in running.app.routes) >= 8
    odd = [
        "/",
        "/v1",
        "/v1/nothing",
        "/docs",
        "/health/",
        "/ready/x",
        "//health",
        "/HEALTH",
        "/metrics/",
        "/%2e",
    ]
    return [*known, *((method, path) for method in ("GET", "POST", "OPTIONS", "HEAD") for path in odd)]


async def test_no_route_is_open_but_those_listed(keyed: Running) -> None:
    hosts = ("localhost", "x/health?", "x#", "localhost/ready")
    async with keyed.client() as http:
        for (method, path), host in itertools.product(routes(keyed), hosts):
            if path in OPEN:
                continue
            reply = await http.request(method, path, headers={"host": host})
            assert reply.status_code == 401, (method, path, host)
            assert reply.headers["www-authenticate"] == "Bearer"
            assert reply.headers["x-should-retry"] == "false"
            if method != "HEAD":
                error = reply.json()["error"]
                assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_api_key")
        for path in OPEN:
            assert (await http.get(path)).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "", "Bearer", f"Basic {KEYS['alice']}", KEYS["alice"], f"Bearer {KEYS['alice']}x",
        f"Bearer {KEYS['alice'][:-1]}", f"Bearer {KEYS['alice'].upper()}", f"Bearer {HASHES['alice']}", "Bearer é",
    ],
)  # fmt: skip
async def test_what_is_no_key_of_ours_opens_nothing(keyed: Running, header: str) -> None:
    async with keyed.client() as http:
        reply = await http.get("/v1/models", headers={b"authorization": header.encode()})
    assert reply.status_code == 401


async def test_two_keys_at_once_are_none(keyed: Running) -> None:
    line = f"authorization: Bearer {KEYS['alice']}\r\n".encode()
    async with connected(keyed.url) as connection:
        await connection.send(
            b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + line * 2 + b"\r\n"
        )
        assert (await connection.rest()).startswith(b"HTTP/1.1 401")


async def test_a_key_opens_what_its_scope_says(keyed: Running) -> None:
    async with keyed.client() as http:
        for name, path, status in [
            ("alice", "/v1/models", 200),
            ("alice", "/openapi.json", 200),
            ("alice", "/metrics", 403),
            ("prometheus", "/metrics", 200),
            ("prometheus", "/v1/models", 403),
        ]:
            reply = await http.get(path, headers=bearer(name))
            assert reply.status_code == status, (name, path)
            if status == 403:
                assert reply.json()["error"]["code"] == "missing_scope"


async def test_a_scheme_is_read_in_any_case(keyed: Running) -> None:
    async with keyed.client() as http:
        reply = await http.get("/v1/models", headers={"authorization": f"bearer {KEYS['alice']}"})
    assert reply.status_code == 200


async def test_a_quota_is_a_429_that_says_when_to_come_back(keyed: Running) -> None:
    ask = ASK | {"max_tokens": 900, "strategy": {"name": "best_of_n", "n": 2}}
    async with keyed.client() as http:
        never = await http.post(
            "/v1/chat/completions", json=ask | {"max_tokens": 1100}, headers=bearer("alice")
        )
        assert (never.status_code, never.json()["error"]["param"]) == (400, "max_tokens")
        # What was not used comes back, so a few short answers stay within the quota; the tenth of them might not.
        replies = [
            await http.post("/v1/chat/completions", json=ask, headers=bearer("alice")) for _ in range(80)
        ]
    assert replies[0].status_code == 200
    refused = next(reply for reply in replies if reply.status_code != 200)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["x-should-retry"] == "true"


async def test_what_runs_for_a_key_carries_its_salt_and_its_name(keyed: Running) -> None:
    seen: list[tuple[str, str | None]] = []

    def note(prompt: Prompt, index: int) -> str:
        seen.append((current().name, current().cache_salt))
        return "fine"

    keyed.engine.script = note
    async with keyed.client() as http:
        for stream in (False, True):
            ask = ASK | {"strategy": BEST, "max_tokens": 5, "stream": stream}
            reply = await http.post("/v1/chat/completions", json=ask, headers=bearer("bob"))
            assert reply.status_code == 200
        refused = await http.post(
            "/v1/chat/completions", json=ASK | {"cache_salt": "x"}, headers=bearer("bob")
        )
    assert {name for name, _ in seen} == {"bob"}
    assert len({salt for _, salt in seen}) == 1
    assert seen[0][1] is not None
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "cache_salt")


async def test_no_key_is_in_any_log_reply_or_metric(keyed: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    async with keyed.client() as http:
        for name in KEYS:
            for path in ("/v1/models", "/metrics", "/v1/nothing", "/version"):
                told.append((await http.get(path, headers=bearer(name))).text)
            body: dict[str, Any] = ASK | {"nonsense": 1}
            told.append((await http.post("/v1/chat/completions", json=body, headers=bearer(name))).text)
        wrong = {"authorization": "Bearer nbest-wrong-0123456789"}
        told.append((await http.get("/v1/models", headers=wrong)).text)
        told.append((await http.get("/metrics", headers=bearer("prometheus"))).text)
    everything = caplog.text + "".join(told)
    assert len(everything) > 1000
    for key in (*KEYS.values(), *HASHES.values(), "nbest-wrong-0123456789"):
        assert key not in everything


async def test_without_keys_the_service_is_open(shared: Running) -> None:
    async with shared.client() as http:
        assert (await http.get("/metrics")).status_code == 200
        assert (await http.get("/v1/models", headers={"authorization": "Bearer whatever"})).status_code == 200
