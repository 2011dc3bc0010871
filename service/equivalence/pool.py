"""The equivalence of answers, decided in killable processes: a hostile answer costs its time limit and no more."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from service.engine.host.json_worker import JsonWorker, WorkerLost, WorkerPool

log = logging.getLogger(__name__)

_PROGRAM = Path(__file__).with_name("program.py")

START_S: Final = 30.0
"""Seconds that a worker may take to load; it is one or two on an idle core."""

_STRIKES = 2
"""Comparisons that an answer may spoil before it is left out: one may be the other's fault."""


@dataclass(frozen=True, slots=True)
class CheckLimits:
    """Seconds for one comparison and for all of a request; the wait for the first worker is not counted."""

    item_s: float = 2.0
    request_s: float = 5.0


class AnswerChecker:
    """The `Equivalence` port over worker processes, started when the first comparison is asked for.

    A request has one worker at a time, so `workers` requests are served side by side.
    """

    def __init__(self, workers: int = 2, limits: CheckLimits | None = None) -> None:
        self._limits = limits or CheckLimits()
        self._places = asyncio.Semaphore(workers)
        self._pool = WorkerPool(_start)

    async def same(self, pairs: Sequence[tuple[str, str]]) -> Sequence[bool | None]:
        """Whether math-verify calls one of each pair equal to the other, whichever is taken for gold."""
        async with self._places:
            return await _Sitting(self, self._limits).decide(pairs)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[JsonWorker]:
        """A worker, for the length of the block; WorkerLost if none comes up. One that was killed does not return."""
        async with self._pool.worker() as worker:
            yield worker

    async def aclose(self) -> None:
        """Kill every worker; safe to call twice."""
        await self._pool.aclose()

    @property
    def started(self) -> int:
        """How many workers there are."""
        return self._pool.started

    @property
    def comparing(self) -> int:
        """How many of them are at work."""
        return self._pool.lent


async def _start() -> JsonWorker:
    # The same order of everything in every process: a verdict does not depend on the worker.
    try:
        return await JsonWorker.start(_PROGRAM, environment={"PYTHONHASHSEED": "0"}, seconds=START_S)
    except (WorkerLost, OSError) as error:
        log.warning("no worker for comparing answers: %s", error)
        raise


@dataclass(slots=True)
class _Sitting:
    """One request's comparisons, in order, within its time."""

    pool: AnswerChecker
    limits: CheckLimits
    until: float = 0.0
    formulas: dict[str, bool | None] = field(default_factory=dict)
    strikes: Counter[str] = field(default_factory=Counter)

    async def decide(self, pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
        """Every answer is tried alone first, so that one that cannot be evaluated is found once, not in every pair."""
        try:
            async with self.pool.worker():
                self.until = asyncio.get_running_loop().time() + self.limits.request_s
        except WorkerLost:
            return [None] * len(pairs)
        for answer in dict.fromkeys(answer for pair in pairs for answer in pair):
            self.formulas[answer] = await self._ask([answer])
        return [await self._compare(a, b) for a, b in pairs]

    async def _compare(self, a: str, b: str) -> bool | None:
        if a == b:
            return True
        formulas = (self.formulas[a], self.formulas[b])
        if False in formulas:
            return False
        if None in formulas or max(self.strikes[a], self.strikes[b]) >= _STRIKES:
            return None
        verdict = await self._ask([a, b])
        if verdict is None:
            self.strikes.update((a, b))
        return verdict

    async def _ask(self, answers: Sequence[str]) -> bool | None:
        if asyncio.get_running_loop().time() >= self.until:
            return None
        try:
            # Around all of it: a worker that was killed is replaced on the time of the request that had it killed.
            async with asyncio.timeout_at(self.until), self.pool.worker() as worker:
                return bool(await worker.ask(answers, self.limits.item_s))
        except (WorkerLost, TimeoutError):
            return None
