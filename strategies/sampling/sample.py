"""Draw candidates, and have each judged as soon as it ends."""

from collections.abc import Callable
from dataclasses import dataclass

from strategies.base.errors import ScorerFailed
from strategies.base.ports import Engine
from strategies.base.types import Candidate, Prompt, Score
from strategies.sampling.score_tasks import ScoreTasks
from strategies.sampling.scoring import CandidateScorer

Listener = Callable[[Candidate], bool | None]
"""Told of each candidate as it ends; True leaves the draw, and what still runs is aborted."""


async def draw(prompt: Prompt, n: int, engine: Engine, on_end: Listener | None = None) -> list[Candidate]:
    """Draw `n` candidates and wait for all of them, or until `on_end` has heard enough; in order of index."""
    drawn: list[Candidate] = []
    async with engine.sample(prompt, n) as stream:
        async for candidate in stream:
            drawn.append(candidate)
            if on_end is not None and on_end(candidate):
                break
    return sorted(drawn, key=lambda c: c.index)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Candidates with their scores, in order of index; `failure` is why some scores are missing, if they are."""

    candidates: tuple[Candidate, ...]
    scores: tuple[Score, ...]
    failure: ScorerFailed | None = None


async def draw_scored(
    prompt: Prompt, n: int, engine: Engine, judge: CandidateScorer, *, fail_fast: bool = True
) -> Drawn:
    """Draw `n` candidates, asking `judge` about each valid one as it ends; identical texts are judged once.

    Where no candidate is valid, the cut-off ones are judged instead, since one of them will be returned.
    ScorerFailed ends the draw at once where `fail_fast`, and is otherwise reported with what was drawn.
    """
    async with ScoreTasks(judge, prompt, fail_fast=fail_fast) as questions:

        def judge_valid(candidate: Candidate) -> None:
            if candidate.is_valid:
                questions.submit(candidate)
            questions.check()

        drawn = await draw(prompt, n, engine, judge_valid)
        if not any(candidate.is_valid for candidate in drawn):
            for candidate in drawn:
                questions.submit_invalid(candidate)
        failure = await questions.settle()
        return Drawn(tuple(drawn), tuple(map(questions.score, drawn)), failure)
