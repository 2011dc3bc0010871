"""Scoring as candidates end: one task for each distinct text."""

import asyncio
from types import TracebackType
from typing import Self

from strategies.base.errors import ScorerFailed
from strategies.base.types import Candidate, Prompt, Score
from strategies.sampling.scoring import CandidateScorer


class ScoreTasks:
    """The questions put to one judge: one for each distinct text, or for each candidate with a score of its own.

    A judge that compares candidates is asked once, about all of them, when they are settled. Leaving the block cancels
    what was not answered, so that no scoring is left behind.
    """

    def __init__(self, judge: CandidateScorer, prompt: Prompt, *, fail_fast: bool = True) -> None:
        self._judge = judge
        self._prompt = prompt
        self._fail_fast = fail_fast
        self._tasks: dict[str | int, asyncio.Task[Score]] = {}
        self._pool: dict[int, Candidate] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel what runs, and collect every result so that none is lost unseen."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def submit(self, candidate: Candidate) -> None:
        """Have this candidate judged, unless its text is being judged already."""
        if self._judge.compares:
            self._pool[candidate.index] = candidate
            return
        key = self._key(candidate)
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._ask(candidate))

    def submit_invalid(self, candidate: Candidate) -> None:
        """Have a candidate judged that is cut off; one that is empty or failed has nothing to judge."""
        if not candidate.is_empty and candidate.finish_reason != "error":
            self.submit(candidate)

    async def _ask(self, candidate: Candidate) -> Score:
        return await self._judge(self._prompt, candidate)

    def check(self) -> None:
        """Raise the first failure there has been, where failures are to be raised at once."""
        for task in self._tasks.values() if self._fail_fast else ():
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    async def settle(self) -> ScorerFailed | None:
        """Wait for every score; the first failure is raised or returned, any other error is always raised."""
        self._ask_about_pool()
        try:
            await asyncio.gather(*self._tasks.values())
        except ScorerFailed as failure:
            if self._fail_fast:
                raise
            return failure
        return None

    def _ask_about_pool(self) -> None:
        """One question about all that wait, in order of index; each of them then waits for its part of the answer."""
        if not self._pool:
            return
        pool = [self._pool.pop(index) for index in sorted(self._pool)]
        asked = asyncio.create_task(self._judge.together(self._prompt, pool))
        for place, candidate in enumerate(pool):
            if (key := self._key(candidate)) not in self._tasks:
                self._tasks[key] = asyncio.create_task(_part(asked, place))

    def score(self, candidate: Candidate) -> Score:
        """The score that arrived, or none: not asked, cancelled or failed."""
        task = self._tasks.get(self._key(candidate))
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return Score()
        return task.result()

    def _key(self, candidate: Candidate) -> str | int:
        return self._judge.read(candidate) if candidate.score is None else candidate.index


async def _part(asked: asyncio.Task[list[Score]], place: int) -> Score:
    return (await asked)[place]
