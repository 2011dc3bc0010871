"""Draw candidates, and have each judged as soon as it ends."""

import asyncio
from dataclasses import dataclass

from strategies.base.errors import ScorerFailed
from strategies.base.ports import Engine
from strategies.base.types import Candidate, Prompt, Score
from strategies.drawing.judge import Judge


async def draw(prompt: Prompt, n: int, engine: Engine) -> list[Candidate]:
    """Draw `n` candidates and wait for all of them; in order of index."""
    async with engine.sample(prompt, n) as stream:
        return sorted([candidate async for candidate in stream], key=lambda c: c.index)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Candidates with their scores, in order of index; `failure` is why some scores are missing, if they are."""

    candidates: tuple[Candidate, ...]
    scores: tuple[Score, ...]
    failure: ScorerFailed | None = None


async def draw_scored(
    prompt: Prompt, n: int, engine: Engine, judge: Judge, *, fail_fast: bool = True
) -> Drawn:
    """Draw `n` candidates, asking `judge` about each valid one as it ends; identical texts are judged once.

    Where no candidate is valid, the cut-off ones are judged instead, since one of them will be returned.
    ScorerFailed ends the draw at once where `fail_fast`, and is otherwise reported with what was drawn.
    """
    drawn: list[Candidate] = []
    asked = _Asked(judge, prompt)
    try:
        async with engine.sample(prompt, n) as stream:
            async for candidate in stream:
                drawn.append(candidate)
                if candidate.is_valid:
                    asked.about(candidate)
                if fail_fast:
                    asked.raise_first_failure()
        if not asked.tasks:
            for candidate in drawn:
                if not candidate.is_empty and candidate.finish_reason != "error":
                    asked.about(candidate)
        failure = await asked.settle(fail_fast=fail_fast)
    finally:
        await asked.cancel()
    drawn.sort(key=lambda c: c.index)
    return Drawn(tuple(drawn), tuple(map(asked.score, drawn)), failure)


class _Asked:
    """The questions put to one judge: a task for each distinct text, or for each candidate with a score of its own."""

    def __init__(self, judge: Judge, prompt: Prompt) -> None:
        self.tasks: dict[str | int, asyncio.Task[Score]] = {}
        self._judge = judge
        self._prompt = prompt

    def about(self, candidate: Candidate) -> None:
        key = _key(candidate)
        if key not in self.tasks:
            self.tasks[key] = asyncio.create_task(self._ask(candidate))

    async def _ask(self, candidate: Candidate) -> Score:
        return await self._judge(self._prompt, candidate)

    def raise_first_failure(self) -> None:
        for task in self.tasks.values():
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    async def settle(self, *, fail_fast: bool) -> ScorerFailed | None:
        """Wait for every score; the first failure is raised or returned, any other error is always raised."""
        try:
            await asyncio.gather(*self.tasks.values())
        except ScorerFailed as failure:
            if fail_fast:
                raise
            return failure
        return None

    async def cancel(self) -> None:
        """Leave no scoring behind: cancel what runs, and collect every result so that none is lost unseen."""
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)

    def score(self, candidate: Candidate) -> Score:
        """The score that arrived, or none: not asked, cancelled or failed."""
        task = self.tasks.get(_key(candidate))
        if task is None or task.cancelled() or task.exception() is not None:
            return Score()
        return task.result()


def _key(candidate: Candidate) -> str | int:
    return candidate.text if candidate.score is None else candidate.index
