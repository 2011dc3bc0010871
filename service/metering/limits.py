"""What one request may spend, resolved to what a clock and a counter can be held against."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """A request's limits, resolved: the deadline as a monotonic time in seconds; None is no limit of its own.

    `max_request_tokens` is the server's own limit: a search by steps and forks cannot say beforehand what it will need.
    `follow` watches candidates token by token, so that what a limit cuts off is still returned and counted.
    """

    deadline: float | None = None
    follow: bool = False
    max_samples: int | None = None
    max_completion_tokens: int | None = None
    max_request_tokens: int | None = None

    @property
    def live_tokens(self) -> int | None:
        """The tokens that live candidates may generate, all together."""
        limits = (self.max_completion_tokens, self.max_request_tokens)
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def seconds_left(self) -> float | None:
        return None if self.deadline is None else max(self.deadline - time.monotonic(), 0.0)
