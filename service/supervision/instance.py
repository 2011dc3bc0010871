"""One life of an engine, from its start to its loss: what was asked of it ends with it, at once and by name."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar, cast

from strategies.base.errors import InvalidRequest

T = TypeVar("T")
R = TypeVar("R")

_END: Final = object()


@dataclass(slots=True, eq=False)
class Instance(Generic[T]):
    """Calls to `inner` that fail with `failure` as soon as the life has ended, whatever `inner` itself does.

    `suspect` is called when a call fails by no fault of the caller, so that a death is noticed at once.
    """

    inner: T
    suspect: Callable[[], None]
    _failure: Callable[[], Exception] | None = None
    _running: set[asyncio.Timeout] = field(default_factory=set)

    def end(self, failure: Callable[[], Exception]) -> None:
        """Fail every call that runs, and every one to come."""
        self._failure = failure
        now = asyncio.get_running_loop().time()
        for scope in self._running:
            scope.reschedule(now)

    async def call(self, work: Callable[[], Awaitable[R]]) -> R:
        """The result of the work, or the failure of this life."""
        if self._failure is not None:
            raise self._failure()
        try:
            # A deadline that is not set yet: the end of this life sets it.
            async with asyncio.timeout(None) as scope:
                self._running.add(scope)
                try:
                    return await work()
                finally:
                    self._running.discard(scope)
        except Exception as error:
            if self._failure is not None:
                raise self._failure() from error
            # A request that is wrong tells nothing of the engine.
            if not isinstance(error, InvalidRequest):
                self.suspect()
            raise

    async def each(self, items: AsyncIterator[R]) -> AsyncIterator[R]:
        """The items as they come, each waited for as by `call`."""
        while (item := await self.call(lambda: cast("Awaitable[Any]", anext(items, _END)))) is not _END:
            yield item
