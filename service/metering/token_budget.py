"""The tokens that a request may still generate, lent before they are generated: the budget is never exceeded."""

import asyncio
from dataclasses import dataclass, field

from service.metering.meter import Meter

SLICE = 32
PARTS = 64
"""At most this part of what is left is lent at once, but a slice at least: one must not hold what others could use."""


@dataclass(slots=True)
class TokenBudget:
    """Lends tokens to the live candidates of one request; `most` of None lends whatever is asked for.

    A borrower books in the meter what it has used before it gives back.
    """

    meter: Meter
    most: int | None = None
    _lent: int = 0
    _returned: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, wanted: int) -> int:
        """Up to `wanted` tokens; waits while all that is left is lent out, and gives 0 once nothing is left."""
        if self.most is None:
            return wanted
        while (free := self.most - self.meter.completion_tokens - self._lent) <= 0 < self._lent:
            await self._returned.wait()
        granted = max(0, min(wanted, max(SLICE, free // PARTS), free))
        self._lent += granted
        return granted

    def give_back(self, granted: int) -> None:
        """What was taken is no longer lent: it has been used, or others may have it."""
        if self.most is None:
            return
        self._lent -= granted
        self._returned.set()
        self._returned = asyncio.Event()
