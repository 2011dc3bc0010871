"""Worker processes that are asked in lines of JSON, and killed if they do not answer: hostile input costs its time.

`start_new_session` keeps a Ctrl-C at the terminal from them; they end when their standard input does.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

_INHERITED: Final = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT", "TMPDIR")


class WorkerLost(Exception):
    """The process ended, did not answer in time, or never came up."""


class JsonWorker:
    """One process as its parent sees it. Whatever goes wrong in `ask`, the process is gone afterwards."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(
        cls, program: Path, *, setup: object = None, environment: Mapping[str, str], seconds: float
    ) -> "JsonWorker":
        """A worker that is ready; WorkerLost if it is not within `seconds`. It inherits no secrets.

        `program` is run as a file, so that it loads nothing of the service. It reads `setup` first, then answers
        "ready".
        """
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            str(program),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={**kept, "LC_ALL": "C.UTF-8", **environment},
            start_new_session=True,
        )
        worker = cls(process)
        if await worker.ask(setup, seconds) != "ready":
            await worker.kill()
            raise WorkerLost("the worker did not say that it is ready")
        return worker

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, question: object, seconds: float) -> Any:
        """The answer, as JSON; WorkerLost if there is none within `seconds`."""
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
            raise WorkerLost("the worker ended, or did not answer in time")
        return json.loads(line)

    async def kill(self) -> None:
        """End the process and collect it; safe to call twice."""
        with contextlib.suppress(ProcessLookupError):
            if self.alive:
                # Not Process.kill: it would collect a process that has just ended by itself, and lose how it ended.
                os.kill(self._process.pid, signal.SIGKILL)
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()


class WorkerPool:
    """Workers that wait for the next question, started by `start` as they are needed.

    It does not bound how many are lent at once: whoever asks has a semaphore for that.
    """

    def __init__(self, start: Callable[[], Awaitable[JsonWorker]]) -> None:
        self._start = start
        self._idle: list[JsonWorker] = []
        self._all: set[JsonWorker] = set()
        self._closed = False

    @property
    def started(self) -> int:
        """How many workers there are."""
        return sum(worker.alive for worker in self._all)

    @property
    def lent(self) -> int:
        """How many of them are being asked."""
        return self.started - sum(worker.alive for worker in self._idle)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[JsonWorker]:
        """A worker, for the length of the block; WorkerLost if none comes up. One that was killed does not return."""
        worker = await self._living()
        try:
            yield worker
        finally:
            if worker.alive and not self._closed:
                self._idle.append(worker)

    async def aclose(self) -> None:
        """Kill every worker, and start no more; safe to call twice."""
        self._closed = True
        await asyncio.gather(*(worker.kill() for worker in list(self._all)))
        self._all.clear()
        self._idle.clear()

    async def _living(self) -> JsonWorker:
        """An idle one that lives, since the system may have ended it for its memory; else a new one."""
        if self._closed:
            raise WorkerLost("the service is closing")
        self._all = {worker for worker in self._all if worker.alive}
        while self._idle:
            if (worker := self._idle.pop()).alive:
                return worker
        return await self._started_one()

    async def _started_one(self) -> JsonWorker:
        try:
            worker = await self._start()
        except OSError as error:
            raise WorkerLost(str(error)) from error
        self._all.add(worker)
        if self._closed:
            await worker.kill()
            raise WorkerLost("the service is closing")
        return worker
