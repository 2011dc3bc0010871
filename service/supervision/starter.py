"""Starts engines again while the service runs: in one thread that outlives them all, one after the other.

The kernel kills an engine's processes when the *thread* that started them ends (`service/engine/host/parent_death.py`),
so this thread never does. vLLM measures free memory and reads the environment as it starts, so two at a time
would disturb each other.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from typing import Generic, Protocol, TypeVar

from service.engine.host.process_tree import ProcessTree, children

log = logging.getLogger(__name__)

_ABANDON_S = 15.0
"""How long a start that is not wanted any more may take to notice that its processes are gone."""
_KILL_EVERY_S = 0.1


class Stoppable(Protocol):
    """What is started here."""

    def kill(self) -> None: ...
    async def aclose(self) -> None: ...


T = TypeVar("T", bound=Stoppable)


@dataclass(slots=True, eq=False)
class _Job(Generic[T]):
    """One start: `before` are the processes there were when it began, so that its own can be told from them."""

    start: Callable[[], T]
    result: "Future[T]" = field(default_factory=Future)
    before: set[BaseProcess] | None = None

    def run(self) -> None:
        self.before = children()
        try:
            self.result.set_result(self.start())
        except BaseException as error:
            self.result.set_exception(error)

    def kill(self) -> None:
        """End whatever it has started so far; a start whose processes are gone fails soon after."""
        if self.before is not None:
            ProcessTree.since(self.before).kill()


class Starter:
    """The thread, started when first needed; a daemon, so that it never keeps the service from ending."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job[Stoppable]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._one_at_a_time = asyncio.Lock()

    async def run(self, start: Callable[[], T], timeout_s: float) -> T:
        """What `start` returns; TimeoutError if that takes too long.

        Then, and when the caller is cancelled, what was half started is killed before this returns.
        """
        async with self._one_at_a_time:
            job: _Job[T] = _Job(start)
            coming = asyncio.wrap_future(job.result)
            self._submit(job)
            try:
                async with asyncio.timeout(timeout_s):
                    return await asyncio.shield(coming)
            except (TimeoutError, asyncio.CancelledError):
                await _abandon(job, coming)
                raise

    def _submit(self, job: _Job[T]) -> None:
        self._jobs.put(job)  # type: ignore[arg-type]  # a queue of jobs of any kind
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="nbest-starter", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            self._jobs.get().run()


async def _abandon(job: _Job[T], coming: "asyncio.Future[T]") -> None:
    """Kill what the job has started until it ends; what it started whole after all is stopped."""
    for _ in range(round(_ABANDON_S / _KILL_EVERY_S)):
        await asyncio.to_thread(job.kill)
        await asyncio.wait([coming], timeout=_KILL_EVERY_S)
        if coming.done():
            break
    else:
        log.error("a start did not end %s s after its processes were killed", _ABANDON_S)
        return
    if coming.cancelled() or coming.exception() is not None:
        return
    started = coming.result()
    started.kill()
    await started.aclose()
