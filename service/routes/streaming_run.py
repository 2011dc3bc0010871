"""A run whose text is read as it comes: the task that draws, and the queue between it and the reader."""

import asyncio
from dataclasses import dataclass, field

from service.metering.run import RunResult
from service.runner import Runner
from strategies.base.ports import Delta
from strategies.base.strategy import Strategy
from strategies.base.types import Prompt


@dataclass(slots=True)
class LiveRun:
    """Starts a run at once. `next` hands out its live text, and None once it has ended, however it ended."""

    runner: Runner
    strategy: Strategy
    prompt: Prompt
    route: str
    _queue: "asyncio.Queue[Delta | None]" = field(default_factory=asyncio.Queue)
    _task: "asyncio.Task[RunResult]" = field(init=False)

    def __post_init__(self) -> None:
        run = self.runner.run(self.strategy, self.prompt, route=self.route, listener=self._queue.put_nowait)
        self._task = asyncio.create_task(run)
        self._task.add_done_callback(lambda _: self._queue.put_nowait(None))

    async def next(self) -> Delta | None:
        """The next piece of text; None at the end of the run."""
        return await self._queue.get()

    async def result(self) -> RunResult:
        """The finished run, or its error."""
        return await self._task

    async def cancel(self) -> None:
        """Stop the work and wait until it has stopped; safe after the end."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
