"""One worker process as its parent sees it: it examines one schema at a time, and is killed if it does not answer."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Any, Final

START_S: Final = 60.0
"""Seconds that a worker may take to load; it is about one on an idle core."""

_PROGRAM = Path(__file__).with_name("program.py")
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT", "TMPDIR")


class WorkerLost(Exception):
    """The process ended, did not answer in time, or never came up."""


class GrammarWorker:
    """A process that examines schemas. Whatever goes wrong in `ask`, the process is gone afterwards."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, setup: dict[str, Any]) -> "GrammarWorker":
        """A worker that is ready; WorkerLost if it does not come up. It inherits no secrets."""
        kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            str(_PROGRAM),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            # One thread a process: a fork has none of its parent's others.
            env={**kept, "RAYON_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        worker = cls(process)
        if await worker._asked(setup, START_S) != "ready":
            await worker.kill()
            raise WorkerLost("the worker did not say that it is ready")
        return worker

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, schema: str, seconds: float) -> dict[str, Any]:
        """What was found out about the schema; WorkerLost if nothing within `seconds`."""
        found: dict[str, Any] = await self._asked(schema, seconds)
        return found

    async def kill(self) -> None:
        """End the process and collect it; safe to call twice."""
        with contextlib.suppress(ProcessLookupError):
            if self.alive:
                os.kill(self._process.pid, signal.SIGKILL)
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()

    async def _asked(self, question: object, seconds: float) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = b""
        try:
            async with asyncio.timeout(seconds):
                self._process.stdin.write(json.dumps(question).encode() + b"\n")
                await self._process.stdin.drain()
                line = await self._process.stdout.readline()
        except (TimeoutError, ConnectionError, RuntimeError):
            pass
        finally:
            if not line:
                # Also when cancelled: a reply that comes later would be taken for the next one's.
                await self.kill()
        if not line:
            raise WorkerLost("the worker did not answer in time")
        return json.loads(line)
