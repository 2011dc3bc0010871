"""Whether an engine makes progress: its own loop must answer, for a process that is stopped or stuck looks healthy."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Literal, Protocol

Loss = Literal["died", "hung"]

_LOOKS = 8
"""How often an answer is looked for within the time that a heartbeat may take."""
_LONGEST_LOOK_S = 0.25


class Beating(Protocol):
    """What can be asked for signs of life."""

    async def check_health(self) -> None:
        """Return at once if it lives as far as is known; any error means that it does not."""

    async def ping(self) -> None:
        """Return once its own loop has turned, which takes the end of whatever step it is at work on."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A ping every `every_s`; one that is not answered within `timeout_s` means that the engine hangs.

    `suspect` asks for a look at once. Time in which this process itself stood still is not held against the engine.
    """

    every_s: float
    timeout_s: float
    _suspected: asyncio.Event = field(default_factory=asyncio.Event)

    def suspect(self) -> None:
        """Something failed that might be the engine's death."""
        self._suspected.set()

    async def until_lost(self, part: Beating) -> Loss:
        """Wait until the part is lost, and say how."""
        while True:
            if (loss := await self._beat(part)) is not None:
                return loss
            self._suspected.clear()
            if not await _lives(part):
                return "died"
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.every_s):
                    await self._suspected.wait()

    async def _beat(self, part: Beating) -> Loss | None:
        """One ping; None if it was answered."""
        ping = asyncio.ensure_future(part.ping())
        look_s, silent_s = min(self.timeout_s / _LOOKS, _LONGEST_LOOK_S), 0.0
        clock = asyncio.get_running_loop().time
        try:
            while not ping.done():
                if silent_s >= self.timeout_s:
                    return "hung"
                begun = clock()
                await asyncio.wait([ping], timeout=look_s)
                silent_s += min(clock() - begun, 2 * look_s)
                if not await _lives(part):
                    return "died"
            return "died" if ping.exception() is not None else None
        finally:
            ping.cancel()


async def _lives(part: Beating) -> bool:
    try:
        await part.check_health()
    except Exception:
        return False
    return True
