"""Where the two clients wait differently: for a pause, and for several calls."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


async def sleep_async(seconds: float) -> None:
    await asyncio.sleep(seconds)


def sleep(seconds: float) -> None:
    time.sleep(seconds)


async def all_at_once(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """The results in order; the first error cancels the other calls."""

    async def made(call: Callable[[], Awaitable[T]]) -> T:
        return await call()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(made(call)) for call in calls]
    return [task.result() for task in tasks]


def one_by_one(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results in order."""
    return [call() for call in calls]
