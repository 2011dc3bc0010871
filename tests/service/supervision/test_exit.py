"""The process ends as it should: with 1 when its restarts are spent, with 0 when told to stop, whatever goes on."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[3]
# The answer of the script has eight words of 0.2 s.
REQUEST = {"model": "scripted", "messages": [{"role": "user", "content": "1 + 1?"}], "max_tokens": 64}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def doomed(*, restarts: int, second: str = "quick") -> AsyncIterator[tuple[Process, httpx.AsyncClient]]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.service.supervision.doomed_service", str(port), str(restarts), second,
        cwd=ROOT, stdout=PIPE,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            await answering(client, "/ready", 200)
            yield process, client
    finally:
        if process.returncode is None:
            # Not killed: its child would live on.
            process.terminate()
            await asyncio.wait_for(process.wait(), 15)


async def answering(client: httpx.AsyncClient, path: str, status: int) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await client.get(path)).status_code == status:
                    return
            await asyncio.sleep(0.05)


async def test_a_death_is_503_at_once_then_ready_again_and_the_last_one_exits_with_1() -> None:
    async with doomed(restarts=1) as (process, client):
        for _ in range(2):
            await answering(client, "/ready", 200)
            asked = asyncio.create_task(client.post("/v1/chat/completions", json=REQUEST))
            await asyncio.sleep(0.4)
            process.send_signal(signal.SIGUSR1)
            reply = await asyncio.wait_for(asked, 3)
            assert reply.status_code == 503
            assert reply.json()["error"]["code"] == "engine_failed"
            assert reply.headers["x-should-retry"] == "true"
        assert await asyncio.wait_for(process.wait(), 15) == 1


async def test_health_stays_green_and_ready_says_why_while_it_starts_again() -> None:
    async with doomed(restarts=3, second="stuck") as (process, client):
        process.send_signal(signal.SIGUSR1)
        await answering(client, "/ready", 503)
        assert (await client.get("/health")).status_code == 200
        assert "generator died and is being started again" in (await client.get("/ready")).json()["reason"]
        metrics = (await client.get("/metrics")).text
        assert 'nbest_engine_restarts_total{part="generator"} 1.0' in metrics
        assert "nbest_engine_up 0.0" in metrics
        reply = await client.post("/v1/chat/completions", json=REQUEST)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "engine_failed")


async def test_told_to_stop_during_a_restart_it_kills_what_it_starts_and_exits_with_0() -> None:
    async with doomed(restarts=3, second="stuck") as (process, _):
        process.send_signal(signal.SIGUSR1)
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 10)
        child = int(line.split()[1])
        os.kill(child, 0)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
