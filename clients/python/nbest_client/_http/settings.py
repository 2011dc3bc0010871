"""What a client was told once and every call uses; the decisions that the two clients share. No input, no output."""

import random
from dataclasses import dataclass

from nbest_client._errors import NbestError
from nbest_client._http.deadline import Deadline
from nbest_client._http.replies import Reply, error_of
from nbest_client._http.retry import Retries

TIMEOUT_S = 600.0
"""Seconds a call may take where the caller does not say: what the OpenAI SDK allows too."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`timeout_s` bounds a whole call: connecting, waiting, trying again, and reading a stream to its end."""

    timeout_s: float
    retries: Retries

    def deadline(self, timeout_s: float | None) -> Deadline:
        """The clock of a call that starts now."""
        return Deadline.after(self.timeout_s if timeout_s is None else timeout_s)

    def pause_s(self, error: NbestError, tried: int, deadline: Deadline) -> float:
        """How long to wait before trying again; raises the error where there is no use in it."""
        wait_s = self.retries.wait_s(error, tried, deadline.remaining_s, random.random())
        if wait_s is None:
            raise error
        return wait_s


def successful(reply: Reply) -> Reply:
    """The reply, unless it is an error."""
    if reply.status != 200:
        raise error_of(reply)
    return reply
