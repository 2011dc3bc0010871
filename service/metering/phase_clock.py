"""How long each phase of a request took; phases overlap, and time is counted once."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["queue", "sample", "judge", "fusion", "score", "select"]


Part = Literal["queue", "sample", "judge", "fusion", "score", "select", "check"]
"""What is worth watching: the phases, and the comparison of answers, whose time belongs to the selection."""


_PRECEDENCE: tuple[Phase, ...] = ("queue", "sample", "judge", "fusion", "score")
"""Where phases overlap, the time belongs to the first of these: scoring beside a draw costs no time of its own."""


class Watcher:
    """Hears of a request as it goes on, in phases and numbers and never in texts; this one does nothing with it."""

    def part(self, part: Part, *, begins: bool) -> None:
        """The first of possibly several at once begins, or the last of them ends."""

    def progress(self) -> None:
        """Something was drawn."""


@dataclass(slots=True)
class PhaseClock:
    """Attributes every moment to exactly one phase, so that the phases sum to the whole."""

    now: Callable[[], float] = time.monotonic
    seconds: dict[Phase, float] = field(default_factory=lambda: defaultdict(float))
    active: Counter[Part] = field(default_factory=Counter)
    since: float = 0.0
    watcher: Watcher = field(default_factory=Watcher)

    def __post_init__(self) -> None:
        self.since = self.now()

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        self.settle()
        with self.watched(phase):
            try:
                yield
            finally:
                self.settle()

    @contextmanager
    def watched(self, part: Part) -> Iterator[None]:
        """Tell the watcher, and book no time."""
        self.active[part] += 1
        if self.active[part] == 1:
            self.watcher.part(part, begins=True)
        try:
            yield
        finally:
            self.active[part] -= 1
            if not self.active[part]:
                self.watcher.part(part, begins=False)

    def settle(self) -> None:
        """Book the time since the last change to the phase that was running, `select` if none was."""
        now = self.now()
        running: Phase = next((phase for phase in _PRECEDENCE if self.active[phase]), "select")
        self.seconds[running] += now - self.since
        self.since = now
