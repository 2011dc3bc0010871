"""A run as it is seen from outside: its phases and numbers become events, spans, and what its line in the log says."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from service.keys.caller import current as current_caller
from service.metering.meter import Meter
from service.metering.phase_clock import Part, Watcher
from service.observability.request_record import Record, current
from service.state.run_events import RunLog
from strategies.base.errors import NbestError

PAUSE_S = 0.1
"""Progress is told at most this often."""

_TYPES: dict[Part, str] = {
    "queue": "queued",
    "sample": "sampling",
    "judge": "judging",
    "fusion": "fusing",
    "score": "scoring",
    "check": "checking",
}
"""The events, in the order in which they hide each other: what is scored as it is drawn is told as drawing."""
_GENERATING: tuple[Part, ...] = ("sample", "judge", "fusion")

Render = Callable[[BaseException], dict[str, Any]]
"""The error object of a failed or cancelled run, as its reply has it."""


class RunObserver(Watcher):
    """Hears of one run; `outcome` is what it came to, where nothing was raised."""

    def __init__(self, record: Record, log: RunLog, meter: Meter, render: Render) -> None:
        self.outcome = "ok"
        self._render = render
        self._record, self._log, self._meter = record, log, meter
        self._told_at = 0.0

    def part(self, part: Part, *, begins: bool) -> None:
        self._record.span.part(part, begins=begins)
        seen = self._seen()
        if not begins and part in _GENERATING:
            # For its last numbers.
            self._tell(part)
        if seen is not None and (seen == part) == begins:
            self._tell(seen)

    def progress(self) -> None:
        seen = self._seen()
        if seen in _GENERATING and time.monotonic() - self._told_at >= PAUSE_S:
            self._tell(seen)

    def end(self, error: BaseException | None) -> None:
        """Book how it ended, once."""
        record, meter = self._record, self._meter
        record.outcome = self.outcome if error is None else word_of(error)
        record.tokens, record.time_ms = tokens_of(meter), meter.time_ms()
        told: dict[str, Any] = {"outcome": record.outcome, "usage": record.tokens, "time_ms": record.time_ms}
        if error is None:
            self._log.end("finished", **told)
        else:
            self._log.end("failed", **told, **self._render(error))

    def _seen(self) -> Part | None:
        """What is told of all that runs at this moment."""
        return next((part for part in _TYPES if self._meter.clock.active[part]), None)

    def _tell(self, part: Part) -> None:
        self._told_at = time.monotonic()
        meter, told = self._meter, {}
        if part == "sample":
            told = {"done": meter.ended, "total": meter.samples}
        if part in _GENERATING:
            told["tokens"] = meter.completion_tokens + meter.in_flight
        self._log.tell(_TYPES[part], **told)


@contextmanager
def observe_run(meter: Meter, strategy: str | None, render: Render) -> Iterator[RunObserver]:
    """The block is the run of the current request: what `meter` books in it can be seen as it happens."""
    record = current()
    record.strategy = strategy
    watch = RunObserver(record, record.runs.begin(record.id, current_caller().name), meter, render)
    meter.clock.watcher = watch
    try:
        yield watch
    except BaseException as error:
        watch.end(error)
        raise
    watch.end(None)


def word_of(error: BaseException) -> str:
    """How a run ended that raised: its error's class where it is ours, so that the set of words stays closed."""
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    return type(error).__name__ if isinstance(error, NbestError) else "internal_error"


def tokens_of(meter: Meter) -> dict[str, int]:
    """What was read and generated, in tokens."""
    return {
        "prompt_tokens": meter.prompt_tokens,
        "completion_tokens": meter.completion_tokens,
        "reward_model_tokens": meter.reward_model_tokens,
    }
