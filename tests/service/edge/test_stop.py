"""`nbest serve` and its signals, in a process of its own."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from service.keys.keyring import new_key
from tests.service.routes.asking import ASK

# The scripted engine, slowed down: each answer takes two seconds or so.
SERVE = """
import sys
from service.engine.scripted import engine as scripted
from service.cli import main as cli
plain = scripted.ScriptedEngine
class Slow(plain):
    def __init__(self): super().__init__(token_s=0.2)
scripted.ScriptedEngine = Slow
sys.argv = ["nbest", "serve", "--engine", "scripted", *sys.argv[1:]]
cli.main()
"""


@contextlib.asynccontextmanager
async def serving(tmp_path: Path, *options: str) -> AsyncIterator[tuple[str, "subprocess.Popen[bytes]"]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", SERVE, "--port", str(port), *options]
    process = started(command, tmp_path / "log")
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http, asyncio.timeout(60):
            while not await is_ready(http):
                assert process.poll() is None, (tmp_path / "log").read_text()
                await asyncio.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait()


def started(command: list[str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)


async def is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def in_flight(url: str, count: int) -> None:
    """Wait until so many requests are being worked on."""
    async with httpx.AsyncClient(base_url=url) as http, asyncio.timeout(20):
        expected = f"nbest_inflight_requests {count}.0"
        while expected not in (await http.get("/metrics")).text:  # noqa: ASYNC110 (it is another process)
            await asyncio.sleep(0.02)


async def ended(process: "subprocess.Popen[bytes]", within_s: float) -> int:
    return await asyncio.to_thread(process.wait, within_s)


async def test_a_stop_loses_nothing_in_flight(tmp_path: Path) -> None:
    """Ten whole and ten streamed answers in flight; `/ready` says no within a second; exit 0."""
    notice = ("--set", "server.drain_notice_s=1")
    async with serving(tmp_path, *notice) as (url, process), httpx.AsyncClient(base_url=url) as http:
        asked = [
            asyncio.create_task(http.post("/v1/chat/completions", json=ASK | {"stream": i % 2 == 0}))
            for i in range(20)
        ]
        await in_flight(url, 20)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        async with httpx.AsyncClient(base_url=url) as other:
            while await is_ready(other):  # noqa: ASYNC110 (nothing here could be awaited instead)
                await asyncio.sleep(0.02)
            assert time.monotonic() - began < 1
            refused = await other.post("/v1/chat/completions", json=ASK)
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        replies = await asyncio.gather(*asked)
        assert [reply.status_code for reply in replies] == [200] * 20
        assert all(reply.text.endswith("[DONE]\n\n") for reply in replies[::2])
        assert await ended(process, 10) == 0


async def test_an_open_service_says_so_and_one_with_keys_never_shows_them(tmp_path: Path) -> None:
    key, digest = new_key()
    for options in ((), ("--set", f"keys=[{{name: alice, sha256: {digest}}}]")):
        async with serving(tmp_path, *options) as (url, process), httpx.AsyncClient(base_url=url) as http:
            headers = {"authorization": f"Bearer {key}"}
            assert (await http.get("/v1/models", headers=headers)).status_code == 200
            assert (await http.get("/metrics", headers=headers)).status_code == (403 if options else 200)
            process.send_signal(signal.SIGTERM)
            assert await ended(process, 5) == 0
        log = (tmp_path / "log").read_text()
        assert ("no API keys are configured" in log) == (not options)
        assert "/v1/models" in log
        assert key not in log


async def test_the_time_to_drain_is_bounded_and_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    limit = ("--set", "server.drain_timeout_s=0.2")
    async with serving(tmp_path, *limit) as (url, process), httpx.AsyncClient(base_url=url) as http:
        asked = asyncio.create_task(http.post("/v1/chat/completions", json=ASK))
        await in_flight(url, 1)
        process.send_signal(signal.SIGTERM)
        assert (await asked).json()["error"]["code"] == "server_is_stopping"
        assert await ended(process, 5) == 0
    async with serving(tmp_path) as (url, process), httpx.AsyncClient(base_url=url) as http:
        asked = asyncio.create_task(http.post("/v1/chat/completions", json=ASK))
        await in_flight(url, 1)
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.2)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert await ended(process, 5) == -signal.SIGTERM
        assert time.monotonic() - began < 1
        with pytest.raises(httpx.TransportError):
            await asked
