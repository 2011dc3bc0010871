"""How long the event loop stands still, less the time in which its thread had no core to run on."""

import asyncio
import threading
import time
from pathlib import Path

_TICK_S = 0.01


class Lag:
    """The longest and the 99th percentile of delays beyond a tick of 10 ms, in milliseconds.

    The time spent waiting for a core (`/proc/…/schedstat`) is what other programs on the machine took, not what the
    service did; it is taken off. Elsewhere than on Linux nothing is.
    """

    def __init__(self) -> None:
        self.delays_ms: list[float] = []

    async def watch(self) -> None:
        """Measure until cancelled, in the loop that serves."""
        waits = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        while True:
            begun, waited = time.monotonic(), _waited_s(waits)
            await asyncio.sleep(_TICK_S)
            delay_s = time.monotonic() - begun - _TICK_S - (_waited_s(waits) - waited)
            self.delays_ms.append(max(0.0, delay_s * 1000))

    @property
    def longest_ms(self) -> float:
        return max(self.delays_ms, default=0.0)


def _waited_s(schedstat: Path) -> float:
    try:
        return int(schedstat.read_text().split()[1]) / 1e9
    except OSError:
        return 0.0
