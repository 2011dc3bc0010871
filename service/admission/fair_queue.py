"""Who is next: start-time fair queueing between keys (Goyal, Vin and Cheng, SIGCOMM 1996), in order within a key.

Each key has a clock of the tokens that it was served. The key whose clock is least behind is next, and its clock goes
on by the cost of what it gets. A key that had nothing to ask for starts where the others stand: idleness earns no
credit. While two keys both wait, what they are served differs by no more than the costliest request of each.
Pure: no time, no waiting.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Line(Generic[T]):
    """One key's requests, in order, and its clock in tokens."""

    clock: int = 0
    waiting: deque[tuple[T, int]] = field(default_factory=deque)


class FairQueue(Generic[T]):
    """Items of several keys, each with a cost of at least one token. An item is equal to no other."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line[T]] = {}
        self._now = 0
        self._cost = 0
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def cost(self) -> int:
        """The cost of everything that waits, in tokens."""
        return self._cost

    def waiting(self, key: str) -> int:
        """How many items of one key wait."""
        return len(self._lines[key].waiting) if key in self._lines else 0

    def push(self, key: str, item: T, cost: int) -> None:
        """Put an item at the end of its key's line."""
        line = self._lines.setdefault(key, _Line())
        if not line.waiting:
            line.clock = max(line.clock, self._now)
        self._count(1, max(cost, 1))
        line.waiting.append((item, max(cost, 1)))

    def head(self) -> T | None:
        """Who is next; None if nobody waits."""
        line = self._next()
        return line.waiting[0][0] if line else None

    def pop(self) -> T:
        """Take who is next out of the queue. IndexError if nobody waits."""
        line = self._next()
        if line is None:
            raise IndexError("nobody waits")
        item, cost = line.waiting.popleft()
        self._now = line.clock
        line.clock += cost
        self._count(-1, -cost)
        return item

    def discard(self, key: str, item: T) -> None:
        """Take out an item that gave up waiting, which costs its key nothing; nothing if it is not here."""
        line = self._lines.get(key)
        found = next((pair for pair in line.waiting if pair[0] is item), None) if line else None
        if line is not None and found is not None:
            line.waiting.remove(found)
            self._count(-1, -found[1])

    def _next(self) -> _Line[T] | None:
        """The line whose clock is least; of equals the one that was known first."""
        return min(
            (line for line in self._lines.values() if line.waiting), key=lambda line: line.clock, default=None
        )

    def _count(self, items: int, cost: int) -> None:
        self._length += items
        self._cost += cost
