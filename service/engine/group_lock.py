"""Taking turns on shared cores: members of one group work side by side, two groups never at the same time.

Generator and reward models that overlap on the same CPU cores slow each other down far more than they save,
so where they share cores their phases alternate. Scores asked for while candidates are being drawn wait, and
then run as one batch, without any strategy being aware of it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

Group = Literal["generate", "score"]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    group: Group
    admitted: asyncio.Future[None]


class GroupLock:
    """A fair lock with two sides, for one event loop.

    While the other group waits, newcomers queue behind it, so neither can starve the other; when a group has
    left, every waiting member of the first waiter's group enters at once. With `enabled=False` nobody waits.
    """

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self._group: Group | None = None
        self._holders = 0
        self._waiting: deque[_Waiter] = deque()

    @asynccontextmanager
    async def take(self, group: Group) -> AsyncIterator[None]:
        """Hold a place in the group's turn for the length of the block."""
        if not self.enabled:
            yield
            return
        await self._enter(group)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, group: Group) -> None:
        waiter = _Waiter(group, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._admit()
        try:
            await waiter.admitted
        except asyncio.CancelledError:
            if waiter.admitted.cancelled():
                self._waiting = deque(other for other in self._waiting if other is not waiter)
                self._admit()
            else:
                # Admitted and cancelled in one step of the loop: the place was given, so it is given back.
                self._leave()
            raise

    def _leave(self) -> None:
        self._holders -= 1
        if not self._holders:
            self._admit()

    def _admit(self) -> None:
        while self._waiting and self._waiting[0].admitted.cancelled():
            self._waiting.popleft()
        if not self._waiting or (self._holders and self._waiting[0].group != self._group):
            return
        self._group = self._waiting[0].group
        waiting, self._waiting = self._waiting, deque()
        for waiter in waiting:
            if waiter.group != self._group:
                self._waiting.append(waiter)
            elif not waiter.admitted.cancelled():
                self._holders += 1
                waiter.admitted.set_result(None)
