"""The progress of recent requests, as events that those who made them can replay and follow.

Bounded whatever happens: so many requests, so many events each, and for a follower nothing but its place among them.
Progress replaces the progress before it, so that whoever reads slowly skips numbers, and is not waited for.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from strategies.base.errors import NotFound

Event = dict[str, Any]
"""`seq` rises; `at_ms` is milliseconds since the request began; no text of a prompt or a candidate."""

MOST_RUNS = 1024
MOST_EVENTS = 128
KEEP_S = 300.0
"""Seconds for which a request that has ended can be replayed."""

_PROGRESS = frozenset({"sampling", "judging", "fusing", "scoring", "checking"})


class RunLog:
    """What has happened in one request so far; `owner` is the name of the key that made it."""

    def __init__(self, id: str, owner: str, now: Callable[[], float] = time.monotonic) -> None:
        self.id, self.owner = id, owner
        self.ended_at: float | None = None
        self._now = now
        self._began = now()
        self._seq = self._forgotten = 0
        self._events: deque[Event] = deque()
        self._news = asyncio.Event()

    def tell(self, type: str, **told: Any) -> None:
        """Add an event, and wake who follows; progress takes the place of progress of the same type."""
        self._seq += 1
        at_ms = round((self._now() - self._began) * 1000, 3)
        event = {"object": "run.event", "id": self.id, "seq": self._seq, "type": type, "at_ms": at_ms, **told}
        if self._events and type in _PROGRESS and self._events[-1]["type"] == type:
            self._events.pop()
        elif len(self._events) == MOST_EVENTS:
            self._forgotten = self._events.popleft()["seq"]
        self._events.append(event)
        news, self._news = self._news, asyncio.Event()
        news.set()

    def end(self, type: str, **told: Any) -> None:
        """Add the last event."""
        self.ended_at = self._now()
        self.tell(type, **told)

    def after(self, seq: int) -> Event | None:
        """The next event that is kept, None where there is none yet."""
        return next((event for event in self._events if event["seq"] > seq), None)

    def has_lost(self, seq: int) -> bool:
        """Whether what a follower who is at `seq` has yet to read is no longer kept."""
        return seq < self._forgotten

    @property
    def news(self) -> asyncio.Event:
        """Set with the next event: taken before anything is awaited, so that none is missed."""
        return self._news


class Runs:
    """The logs of the last `most` requests at most, those that ended `keep_s` ago left out."""

    def __init__(
        self, most: int = MOST_RUNS, keep_s: float = KEEP_S, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._keep_s, self._now = most, keep_s, now
        self._logs: OrderedDict[str, RunLog] = OrderedDict()

    def __len__(self) -> int:
        return len(self._logs)

    def begin(self, id: str, owner: str) -> RunLog:
        """The log of a new request; the oldest one makes room for it."""
        while self._logs and (
            len(self._logs) >= self._most or self._is_over(next(iter(self._logs.values())))
        ):
            self._logs.popitem(last=False)
        log = self._logs[id] = RunLog(id, owner, self._now)
        return log

    def find(self, id: str, owner: str) -> RunLog:
        """The log of a request; NotFound, in the same words, for one that is not kept and for somebody else's."""
        log = self._logs.get(id)
        if log is None or log.owner != owner or self._is_over(log):
            raise NotFound(f"this key has made no request {id[:80]!r} that is still known", param="id")
        return log

    def _is_over(self, log: RunLog) -> bool:
        return log.ended_at is not None and self._now() - log.ended_at > self._keep_s
