"""How many threads a step takes: on a shared machine fewer can be faster, for the others wait for the slowest."""

from typing import Final

from service.engine.host.cpu_cores import usable_cores

# How often the counts not in use are tried again, in steps.
_PROBE_EVERY: Final = 20


class Pace:
    """Keeps the latest time a token took at each thread count, and names the count for the next step."""

    def __init__(self, most: int | None = None) -> None:
        most = most or len(usable_cores())
        self._latest = dict.fromkeys(sorted({most, max(most // 2, 1)}, reverse=True), 0.0)
        self._steps = 0

    def threads(self) -> int:
        """The fastest count, or at times another one, to learn whether the load has changed."""
        if self._steps % _PROBE_EVERY == 0:
            return max(self._latest, key=self._latest.__getitem__)
        return min(self._latest, key=self._latest.__getitem__)

    def report(self, threads: int, seconds: float, tokens: int) -> None:
        """Say how long a step of so many tokens took."""
        self._latest[threads] = seconds / tokens
        self._steps += 1
