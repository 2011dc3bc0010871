"""Run coroutines side by side and deliver each result as it comes; leaving the block cancels the rest."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@asynccontextmanager
async def each_as_it_ends(work: Iterable[Coroutine[Any, Any, T]]) -> AsyncIterator[AsyncIterator[T]]:
    """The results of `work`, in order of ending. The first error is raised where the results are read.

    On leaving the block, for whatever reason, everything that still runs is cancelled and waited for.
    """
    tasks = [asyncio.create_task(item) for item in work]
    try:
        yield _in_order_of_ending(tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _in_order_of_ending(tasks: list[asyncio.Task[T]]) -> AsyncIterator[T]:
    for ended in asyncio.as_completed(tasks):
        yield await ended


async def gather_in_order(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results in order. The first failure cancels the rest and is the one raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(item) for item in work]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
