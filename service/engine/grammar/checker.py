"""A JSON schema is examined before anything is drawn: what no grammar can be made of, or only dearly, is a 400.

The engine compiles a schema in its own process, and again for each candidate, where a hostile one would take its
time, its memory or its life.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from service.engine.host.json_worker import JsonWorker, WorkerLost, WorkerPool
from strategies.base.errors import EngineFailed, InvalidRequest, Overloaded

log = logging.getLogger(__name__)

FIELD: Final = "response_format"
START_S: Final = 60.0
"""Seconds that a worker may take to load; it is about one on an idle core."""

_PROGRAM = Path(__file__).with_name("program.py")
_REMEMBERED: Final = 512
_GRACE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class GrammarBounds:
    """What compiling a schema may take: once, and for all candidates of a request together.

    A schema below the `cheap` bounds is taken for any number of candidates, which other limits bound.
    """

    cpu_s: float = 0.2
    memory_bytes: int = 256 << 20
    wall_s: float = 4.0
    cheap_cpu_s: float = 0.02
    cheap_bytes: int = 4 << 20
    request_cpu_s: float = 2.0
    request_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """A tokenizer as llguidance reads it: its description in JSON, size of the vocabulary, tokens that end a text."""

    description: str
    vocabulary: int
    end_of_text: int | list[int]


@dataclass(frozen=True, slots=True)
class Examined:
    """What became of a schema: why it is refused, if it is, and what compiling it took."""

    refusal: str | None = None
    cpu_s: float = 0.0
    bytes: int = 0
    failure: Exception | None = None


class GrammarChecker:
    """Examines schemas in `workers` processes, started when the first schema is sent; what is known is remembered."""

    def __init__(
        self, read: Callable[[], Tokenizer], *, workers: int = 2, bounds: GrammarBounds | None = None
    ) -> None:
        self._read = read
        self._bounds = bounds or GrammarBounds()
        self._places = asyncio.Semaphore(workers)
        self._pool = WorkerPool(self._start)
        self._known: OrderedDict[bytes, Examined] = OrderedDict()
        self._asked: dict[bytes, asyncio.Task[Examined]] = {}
        self._setup: dict[str, Any] | None = None

    @property
    def started(self) -> int:
        """How many workers there are."""
        return self._pool.started

    async def check(self, schema: str, n: int = 1) -> None:
        """InvalidRequest if no answer can be made to follow the schema, or not for `n` candidates within the bounds.

        Overloaded if the machine is too busy to tell, EngineFailed if there is no worker to ask.
        """
        examined = await self._examined(schema)
        if examined.failure is not None:
            raise examined.failure
        refusal = examined.refusal or self._too_dear(examined, n)
        if refusal is not None:
            raise InvalidRequest(f"{FIELD}: the schema cannot be used: {refusal}", param=FIELD)

    async def aclose(self) -> None:
        """Kill every worker; safe to call twice."""
        asked = list(self._asked.values())
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        await self._pool.aclose()

    def _too_dear(self, examined: Examined, n: int) -> str | None:
        bounds, cpu_s, size = self._bounds, examined.cpu_s, examined.bytes
        if cpu_s > bounds.cpu_s:
            return f"it takes {cpu_s:.2f} s to compile, and {bounds.cpu_s:g} s is the most"
        if cpu_s > bounds.cheap_cpu_s and cpu_s * n > bounds.request_cpu_s:
            most = f"{bounds.request_cpu_s:g} s is the most together"
            return f"it takes {cpu_s:.2f} s to compile for each of {n} candidates, and {most}"
        if size > bounds.cheap_bytes and size * n > bounds.request_bytes:
            most = f"{bounds.request_bytes >> 20} MiB is the most together"
            return f"it takes {size >> 20} MiB for each of {n} candidates, and {most}"
        return None

    async def _examined(self, schema: str) -> Examined:
        """Asked once, however many wait for it; a caller that leaves does not end the question."""
        key = hashlib.blake2b(schema.encode(), digest_size=16).digest()
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            return known
        if key not in self._asked:
            task = self._asked[key] = asyncio.create_task(self._ask(schema))
            task.add_done_callback(lambda ended: self._remember(key, ended))
        return await asyncio.shield(self._asked[key])

    def _remember(self, key: bytes, ended: "asyncio.Task[Examined]") -> None:
        del self._asked[key]
        if ended.cancelled() or ended.exception() is not None or ended.result().failure is not None:
            return
        self._known[key] = ended.result()
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _ask(self, schema: str) -> Examined:
        async with self._places:
            try:
                async with self._pool.worker() as worker:
                    found = await worker.ask(schema, self._bounds.wall_s + _GRACE_S)
            except WorkerLost as error:
                log.warning("no worker for examining schemas: %s", error)
                return Examined(failure=EngineFailed("schemas cannot be examined now; try again in a moment"))
        if found.get("busy"):
            return Examined(failure=Overloaded("the machine is too busy to examine the schema"))
        return Examined(found["refusal"], found.get("cpu_s", 0.0), found.get("bytes", 0))

    async def _start(self) -> JsonWorker:
        if self._setup is None:
            # Writing a tokenizer out takes tens of milliseconds, which the event loop does not have.
            self._setup = await asyncio.to_thread(self._described)
        # One thread a process: a fork has none of its parent's others.
        return await JsonWorker.start(
            _PROGRAM, setup=self._setup, environment={"RAYON_NUM_THREADS": "1"}, seconds=START_S
        )

    def _described(self) -> dict[str, Any]:
        tokenizer, bounds = self._read(), self._bounds
        return {
            "tokenizer": tokenizer.description,
            "vocabulary": tokenizer.vocabulary,
            "end_of_text": tokenizer.end_of_text,
            "cpu_s": bounds.cpu_s,
            "memory_bytes": bounds.memory_bytes,
            "wall_s": bounds.wall_s,
        }
