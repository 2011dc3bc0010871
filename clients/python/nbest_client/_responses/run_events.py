"""The progress of a request, as the server tells it: bytes in, typed events out. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from nbest_client._errors import ConnectionFailed, ServerFailed
from nbest_client._http.replies import error_in_stream, parse
from nbest_client._http.sse import EventDecoder
from nbest_client._responses.explanation import Told


class RunError(Told):
    """Why a run failed, as its own reply says it."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class RunEvent(Told):
    """One thing that happened in a request, `at_ms` milliseconds after it began; `seq` rises.

    `type`: `queued`, `sampling`, `judging`, `fusing`, `scoring`, `checking`, and at the end `finished` or `failed`.
    While it draws, `done` of `total` candidates have ended; `tokens` were generated so far. The last event has the
    `outcome` (`ok`, `degraded`, or the word of the error), the `usage` in tokens and the milliseconds by phase.
    """

    object: str = "run.event"
    id: str
    seq: int
    type: str
    at_ms: float
    done: int | None = None
    total: int | None = None
    tokens: int | None = None
    outcome: str | None = None
    usage: Mapping[str, int] | None = None
    time_ms: Mapping[str, float] | None = None
    error: RunError | None = None

    @property
    def is_last(self) -> bool:
        return self.type in ("finished", "failed")


class RunEvents:
    """What has come so far; `done` once the last event was read."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """The reply's headers; ServerFailed where they announce something else than a stream."""
        self.done = False
        self._request_id = headers.get("x-request-id")
        kind = headers.get("content-type", "nothing that it names")
        if not kind.startswith("text/event-stream"):
            raise ServerFailed(f"a stream was asked for; what came is {kind}", request_id=self._request_id)
        self._decoder = EventDecoder()

    def feed(self, received: bytes | None) -> Iterator[RunEvent]:
        """The events in what was received, and after them the error, if one came. None is an end that came too soon."""
        if received is None:
            raise ConnectionFailed("the events broke off before the last one", request_id=self._request_id)
        for data in self._decoder.feed(received):
            event = self._event(data)
            self.done = event.is_last
            yield event

    def _event(self, data: str) -> RunEvent:
        try:
            told: Any = json.loads(data)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise ServerFailed("an event of the stream is not a JSON object", request_id=self._request_id)
        if "error" in told and "type" not in told:
            raise error_in_stream(told, self._request_id)
        return parse(told, RunEvent, self._request_id)
