"""One part of the service that may be lost: up, or being started again, or given up."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Generic, Literal, Protocol, TypeVar

from service.supervision.heartbeat import Beating, Heartbeat
from service.supervision.instance import Instance
from service.supervision.restart_budget import RestartBudget
from service.supervision.starter import Starter, Stoppable

log = logging.getLogger(__name__)

State = Literal["up", "restarting", "given_up", "closed"]
Event = Literal["up", "lost", "restart"]
"""What is told of a part: it can be used, it cannot, it is being started again (once an attempt)."""
Tell = Callable[[str, Event], None]

_CLOSE_S = 10.0
"""What a lost engine gets to give back its sockets and threads; its processes are dead by then."""
_PAUSE_S = 1.0
"""Between a start that failed and the next."""


class Inner(Beating, Stoppable, Protocol):
    """What is supervised: it can be asked for signs of life, killed, and closed."""


T = TypeVar("T", bound=Inner)


class GivenUp(Exception):
    """A part failed more often than its restart budget allows."""


class Supervised(Generic[T]):
    """Holds whichever `inner` is alive. `lost` makes the error that calls get in between; `start` makes another.

    `watch` runs as long as the service does. `tell` hears, with the part's name, of what becomes of it.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], T],
        lost: Callable[[str], Exception],
        heartbeat: Heartbeat,
        budget: RestartBudget,
        starter: Starter,
        start_timeout_s: float,
    ) -> None:
        """Start it for the first time, here and now; blocks as long as `start` does."""
        self.name = name
        self.state: State = "up"
        self.tell: Tell = _nobody
        self._start = start
        self._lost = lost
        self._heartbeat = heartbeat
        self._budget = budget
        self._starter = starter
        self._start_timeout_s = start_timeout_s
        self._life: Instance[T] = Instance(start(), heartbeat.suspect)

    @property
    def life(self) -> Instance[T]:
        """What lives now; where nothing does, every call to it fails with `lost`."""
        return self._life

    async def check_health(self) -> None:
        """Return if it can be used now; `lost` says why not."""
        life = self._life
        await life.call(life.inner.check_health)

    async def watch(self) -> None:
        """Replace it whenever it is lost. GivenUp at the end of the budget; cancel it to stop."""
        while True:
            loss = await self._heartbeat.until_lost(self._life.inner)
            await self._replace(loss)

    async def aclose(self) -> None:
        """Stop it; `watch` must have been cancelled before. Safe to call twice."""
        self._enter("closed", f"the {self.name} is closed")
        await self._life.inner.aclose()

    async def _replace(self, loss: str) -> None:
        log.error("the %s %s; it is started again", self.name, loss)
        self._enter("restarting", f"the {self.name} {loss} and is being started again; try again in a moment")
        lost = self._life.inner
        lost.kill()
        await _closed(lost, self.name)
        begun = time.monotonic()
        inner = await self._started()
        log.warning("the %s works again after %.1f s", self.name, time.monotonic() - begun)
        self._life = Instance(inner, self._heartbeat.suspect)
        self.state = "up"
        self.tell(self.name, "up")

    async def _started(self) -> T:
        """Another one, after as many attempts as the budget allows."""
        while self._budget.take(time.monotonic()):
            self.tell(self.name, "restart")
            try:
                return await self._starter.run(self._start, self._start_timeout_s)
            except Exception as error:
                log.error("the %s did not start (%s: %s)", self.name, type(error).__name__, error)
                await asyncio.sleep(_PAUSE_S)
        self._enter("given_up", f"the {self.name} failed too often; the service is stopping")
        raise GivenUp(f"the {self.name} was started again {self._budget.most} times and failed again")

    def _enter(self, state: State, why: str) -> None:
        """Be lost, or stay lost for another reason: from here every call fails with it."""
        self.state = state
        self._life.end(lambda: self._lost(why))
        self.tell(self.name, "lost")


async def _closed(lost: Stoppable, name: str) -> None:
    """Give back what a lost engine holds in this process; nothing that goes wrong here is worse than its loss."""
    try:
        async with asyncio.timeout(_CLOSE_S):
            await lost.aclose()
    except Exception as error:
        log.warning("closing the lost %s: %s: %s", name, type(error).__name__, error)


def _nobody(name: str, event: Event) -> None:
    """Nobody listens yet."""
