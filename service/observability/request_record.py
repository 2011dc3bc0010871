"""What is noted of one request as it passes through the service, from door to door.

It is a context variable for the reason that the caller is one (`service/keys/caller.py`): no layer between has to hand
it on.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from service.observability.tracing import RequestSpan
from service.state.run_events import Runs


@dataclass(slots=True)
class Record:
    """Names from closed sets, ids of our own, and numbers; `key` is a key's name, never the key."""

    runs: Runs = field(default_factory=Runs)
    span: RequestSpan = field(default_factory=RequestSpan)
    id: str = ""
    key: str | None = None
    method: str = ""
    route: str | None = None
    status: int | None = None
    strategy: str | None = None
    outcome: str | None = None
    time_ms: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)

    @property
    def ending(self) -> str:
        """How it ended: in the word of its run, where there was one."""
        if self.outcome is not None:
            return self.outcome
        if self.status is None:
            return "unanswered"
        return "ok" if self.status < 400 else "refused" if self.status != 500 else "internal_error"


_record: ContextVar[Record | None] = ContextVar("record", default=None)


def current() -> Record:
    """The record of the request that this code runs for; where nobody observes, one that nobody will read."""
    return _record.get() or Record()


@contextmanager
def recording(record: Record) -> Iterator[None]:
    """What runs in the block, and every task that it starts, writes into this record."""
    token = _record.set(record)
    try:
        yield
    finally:
        _record.reset(token)
