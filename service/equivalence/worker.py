"""One worker process as its parent sees it: asked one thing at a time, and killed if it takes too long."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Final

START_S: Final = 30.0
"""Seconds that a worker may take to load; it is one or two on an idle core."""

_PROGRAM = Path(__file__).with_name("program.py")
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT", "TMPDIR")


class WorkerLost(Exception):
    """The process ended, did not answer in time, or never came up."""


class Worker:
    """A process that compares answers. Whatever goes wrong in `ask`, the process is gone afterwards."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> "Worker":
        """A worker that is ready; WorkerLost if it does not come up. It inherits no secrets and no stray randomness."""
        kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            str(_PROGRAM),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={**kept, "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        worker = cls(process)
        if await worker._reply(START_S) != "ready":
            await worker.kill()
            raise WorkerLost("the worker did not say that it is ready")
        return worker

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, answers: Sequence[str], seconds: float) -> bool:
        """The verdict on one or two answers; WorkerLost if there is none within `seconds`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(answers).encode() + b"\n")
        except (ConnectionError, RuntimeError):
            await self.kill()
            raise WorkerLost("the worker is gone") from None
        return bool(await self._reply(seconds))

    async def kill(self) -> None:
        """End the process and collect it; safe to call twice."""
        with contextlib.suppress(ProcessLookupError):
            if self.alive:
                # Not Process.kill: it would collect a process that has just ended by itself, and lose how it ended.
                os.kill(self._process.pid, signal.SIGKILL)
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()

    async def _reply(self, seconds: float) -> object:
        assert self._process.stdout is not None
        line = b""
        try:
            async with asyncio.timeout(seconds):
                line = await self._process.stdout.readline()
        except TimeoutError:
            pass
        finally:
            if not line:
                # Also when cancelled: a reply that comes later would be taken for the next one's.
                await self.kill()
        if not line:
            raise WorkerLost("the worker did not answer in time")
        return json.loads(line)
