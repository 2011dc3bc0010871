"""What one request has spent, in tokens by purpose and in wall-clock time by phase."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from strategies.base.types import Candidate, Stage

Phase = Literal["queue", "draw", "judge", "fusion", "score", "select"]
Part = Literal["queue", "draw", "judge", "fusion", "score", "select", "check"]
"""What is worth watching: the phases, and the comparison of answers, whose time belongs to the selection."""

_PRECEDENCE: tuple[Phase, ...] = ("queue", "draw", "judge", "fusion", "score")
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


@dataclass(slots=True)
class Meter:
    """The account of one request.

    `prompt_tokens` counts the request's prompt once, as OpenAI does; `engine_prompt_tokens` counts it for
    every candidate, as the engine does. `tokens` is by stage; the sum equals the engine's own counter. What the
    reward models read is told in all and by scorer; of `truncated_texts` they read the end only.
    `in_flight` are the tokens of candidates that have not ended, which no stage has yet; `engines` are the generators
    that worked, told apart. Of `samples` candidates, `ended` have come to an end. `limit` names the budget that ended
    the work, if one did.
    """

    clock: PhaseClock = field(default_factory=PhaseClock)
    tokens: Counter[Stage] = field(default_factory=Counter)
    prompt_tokens: int = 0
    cached_tokens: int = 0
    engine_prompt_tokens: int = 0
    reward_model_tokens: int = 0
    reward_model_cached_tokens: int = 0
    scorer_tokens: Counter[str] = field(default_factory=Counter)
    scorer_cached_tokens: Counter[str] = field(default_factory=Counter)
    samples: int = 0
    ended: int = 0
    in_flight: int = 0
    engines: set[int] = field(default_factory=set)
    truncated_texts: int = 0
    limit: str | None = None

    @property
    def completion_tokens(self) -> int:
        return sum(self.tokens.values())

    def count(self, candidate: Candidate, stage: Stage) -> None:
        """Book a candidate that ended, however it ended."""
        self.tokens[stage] += candidate.tokens
        self.engine_prompt_tokens += candidate.prompt_tokens
        self.cached_tokens += candidate.cached_tokens
        if stage == "draw":
            self.prompt_tokens = max(self.prompt_tokens, candidate.prompt_tokens)
            self.ended += 1
        self.clock.watcher.progress()

    def time_ms(self) -> dict[str, float]:
        """Milliseconds by phase, those that took any."""
        self.clock.settle()
        return {phase: round(s * 1000, 3) for phase, s in self.clock.seconds.items() if s > 0}
