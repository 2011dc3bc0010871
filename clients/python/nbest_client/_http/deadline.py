"""The one clock of a call: everything that it does, waiting and trying again included, ends by then."""

import math
import time
from dataclasses import dataclass

from nbest_client._errors import DeadlineExceeded


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, and the seconds that it was away at the start."""

    timeout_s: float
    at: float

    @classmethod
    def after(cls, timeout_s: float) -> "Deadline":
        """`timeout_s` seconds from now; `math.inf` never comes. ValueError unless it is above 0."""
        if not timeout_s > 0:
            raise ValueError(f"timeout_s must be above 0; got {timeout_s!r}")
        return cls(timeout_s, time.monotonic() + timeout_s)

    @property
    def remaining_s(self) -> float | None:
        """Seconds left, never below 0; None where there is no limit."""
        return None if math.isinf(self.at) else max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self.at

    def within(self, limit_s: float) -> float:
        """`limit_s`, or less where less is left."""
        left = self.remaining_s
        return limit_s if left is None else min(limit_s, left)

    def exceeded(self) -> DeadlineExceeded:
        """What to raise once it has passed."""
        return DeadlineExceeded(f"no whole answer within timeout_s={self.timeout_s:g}")
