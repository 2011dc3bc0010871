"""What one request may spend, resolved to what a clock and a counter can be held against."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """A request's limits, resolved: the deadline as a monotonic time in seconds; None is no limit of its own.

    `follow` watches candidates token by token, so that what a limit cuts off is still returned and counted.
    """

    deadline: float | None = None
    follow: bool = False
    max_samples: int | None = None
    max_completion_tokens: int | None = None

    @property
    def seconds_left(self) -> float | None:
        return None if self.deadline is None else max(self.deadline - time.monotonic(), 0.0)
