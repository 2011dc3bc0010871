"""Starts the service under test and talks to it; every service's longest lag is kept for the table."""

import asyncio
import contextlib
import json
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import http
from tests.chaos.http import Reply

ROOT = Path(__file__).resolve().parents[2]
LAGS: dict[str, float] = {}
"""The longest lag in ms, by scenario."""


class Broken(Exception):
    """The service under test did not do what the scenario needs to go on."""


@dataclass
class Running:
    """A service that listens, the process that it is, and the line to its inside."""

    process: Process
    port: int
    model: str

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        return await http.send(self.port, method, path, body, headers)

    async def ask(self, body: Mapping[str, Any], path: str = http.CHAT, **headers: str) -> Reply:
        return await self.send("POST", path, self.body(body), **headers)

    def body(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {"model": self.model} | dict(body)

    async def control(self, **changes: Any) -> dict[str, Any]:
        """Set what is named, and hear what goes on inside."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(changes).encode() + b"\n")
        return await _report(self.process)

    async def until(self, condition: Callable[[dict[str, Any]], object], within_s: float = 10.0) -> float:
        """Seconds until the report is as wanted; Broken if it never is."""
        begun = time.monotonic()
        while not condition(report := await self.control()):
            if time.monotonic() - begun > within_s:
                raise Broken(f"not within {within_s} s: {report}")
            await asyncio.sleep(0.01)
        return time.monotonic() - begun

    async def ready(self, within_s: float) -> float:
        """Seconds until `/ready` says yes."""
        begun = time.monotonic()
        while (reply := await self.send("GET", "/ready")).status != 200:
            if time.monotonic() - begun > within_s:
                raise Broken(f"not ready within {within_s} s: {reply.body!r}")
            await asyncio.sleep(0.05)
        return time.monotonic() - begun


@contextlib.asynccontextmanager
async def running(name: str, kind: str = "scripted", **settings: Any) -> AsyncIterator[Running]:
    """The service with these settings on a free port; told to stop at the end, if it has not by then."""
    sections: dict[str, Any] = {
        "server": {"port": 0, "log_level": "error"},
        "engine": {"backend": kind},
    }
    for section, values in settings.items():
        sections[section] = sections.get(section, {}) | values if isinstance(values, dict) else values
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.service", json.dumps(sections), cwd=ROOT, stdin=PIPE, stdout=PIPE,
        env=os.environ | {"VLLM_NO_USAGE_STATS": "1"}, start_new_session=True,
    )  # fmt: skip
    try:
        service = Running(process, await _port(process), "scripted")
        service.model = (await service.send("GET", "/v1/models")).json["data"][0]["id"]
        yield service
        if process.returncode is None:
            LAGS[name] = (await service.control())["lag_ms"]
    finally:
        if process.returncode is None:
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 30)
        if process.returncode is None:
            process.kill()


async def _port(process: Process) -> int:
    async with asyncio.timeout(300):
        return int((await _report(process))["port"])


async def _report(process: Process) -> dict[str, Any]:
    """The next line that is ours: libraries print between them, also while an engine is started again."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        with contextlib.suppress(ValueError):
            if isinstance(report := json.loads(line), dict):
                return report
    raise Broken(f"the service ended with {await process.wait()}")
