"""How often a part may be started again: at most so many times within so many seconds."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class RestartBudget:
    """A sliding window: `take` allows `most` restarts in any `window_s` seconds. Times are monotonic seconds."""

    most: int
    window_s: float
    _taken: deque[float] = field(default_factory=deque)

    def take(self, now: float) -> bool:
        """Spend one restart; False, and nothing is spent, if the window holds `most` already."""
        while self._taken and self._taken[0] <= now - self.window_s:
            self._taken.popleft()
        if len(self._taken) >= self.most:
            return False
        self._taken.append(now)
        return True
