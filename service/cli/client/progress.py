"""One request while it runs: how far it is, as the server tells it, and what has been written."""

import contextlib
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType

from nbest_client import Client, NbestError, RunEvent
from rich.console import Group, RenderableType
from rich.text import Text

from service.cli.terminal import plain

_LINES = 12
"""Lines of a text that is being written which are shown: the last ones."""

_FAREWELL_S = 1.0
"""Patience with the last event of a request that has ended."""


@dataclass
class Watched:
    """What is known of it so far."""

    strategy: str
    started: float = field(default_factory=time.monotonic)
    text: str = ""
    told: RunEvent | None = None
    ended: float | None = None

    @property
    def seconds(self) -> float:
        """From the question to the end of the answer, or until now."""
        return (self.ended or time.monotonic()) - self.started

    def shown(self) -> RenderableType:
        """The last lines of the text, and below them a line as `best_of_n(n=8): drawing 3/8, 96 tokens, 1.2 s`."""
        written = plain(self.text).splitlines()[-_LINES:]
        return Group(*map(Text, written), Text(plain(self.line()), style="cyan"))

    def line(self) -> str:
        seconds = f"{self.seconds:.1f} s"
        told = self.told
        if told is None:
            return f"{self.strategy}: {seconds}"
        done = "" if told.total is None else f" {told.done or 0}/{told.total}"
        tokens = "" if told.tokens is None else f"{told.tokens} tokens, "
        return f"{self.strategy}: {told.type}{done}, {tokens}{seconds}"


class Follower:
    """Reads a request's events beside its answer, in a thread; leaving the block waits for the last one."""

    def __init__(self, client: Client, watched: Watched) -> None:
        self._client, self._watched = client, watched
        self._thread: threading.Thread | None = None

    def follow(self, request_id: str) -> None:
        """From now on; may be called once."""
        self._thread = threading.Thread(target=self._read, args=(request_id,), daemon=True)
        self._thread.start()

    def _read(self, request_id: str) -> None:
        # Progress is an extra: what goes wrong with the request its own reply says. A client that was closed meanwhile
        # answers with httpx's RuntimeError.
        with contextlib.suppress(NbestError, RuntimeError), self._client.run_events(request_id) as events:
            for event in events:
                self._watched.told = event

    def __enter__(self) -> "Follower":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._thread.join(_FAREWELL_S)
