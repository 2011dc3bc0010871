"""Draw candidates, and have each judged as soon as it ends."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from strategies.base.errors import ScorerFailed
from strategies.base.ports import Engine
from strategies.base.ranking import is_number
from strategies.base.types import Candidate, Detail, Prompt, Score
from strategies.sampling.score_tasks import ScoreTasks
from strategies.sampling.scoring import CandidateScorer

Listener = Callable[[Candidate], bool | None]
"""Told of each candidate as it ends; True leaves the draw, and what still runs is aborted."""


async def draw(
    prompt: Prompt, n: int, engine: Engine, on_end: Listener | None = None, *, start: int = 0
) -> list[Candidate]:
    """Draw `n` candidates, numbered from `start`, and wait for all, or until `on_end` has heard enough; by index."""
    drawn: list[Candidate] = []
    async with engine.sample(prompt, n, start=start) as stream:
        async for candidate in stream:
            drawn.append(candidate)
            if on_end is not None and on_end(candidate):
                break
    return sorted(drawn, key=lambda c: c.index)


@dataclass(frozen=True, slots=True)
class Sampled:
    """The candidates that ended, in order of index, and what the reply says of how they were drawn."""

    candidates: list[Candidate]
    details: Mapping[str, Detail] = field(default_factory=dict)


Sampler = Callable[[Listener], Awaitable[Sampled]]
"""Draws the candidates of a request, in its own way, and tells the listener of each."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Candidates with their scores, in order of index; `failure` is why some scores are missing, if they are."""

    candidates: tuple[Candidate, ...]
    scores: tuple[Score, ...]
    failure: ScorerFailed | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)


async def draw_scored(
    prompt: Prompt,
    n: int,
    engine: Engine,
    judge: CandidateScorer,
    *,
    fail_fast: bool = True,
    sampler: Sampler | None = None,
) -> Drawn:
    """Draw `n` candidates, asking `judge` about each valid one as it ends; identical texts are judged once.

    Where no candidate is valid, the cut-off ones are judged instead, since one of them will be returned.
    ScorerFailed ends the draw at once where `fail_fast`, and is otherwise reported with what was drawn.
    """
    async with ScoreTasks(judge, prompt, fail_fast=fail_fast) as tasks:
        listener = _scoring(tasks)
        sampled = await sampler(listener) if sampler else Sampled(await draw(prompt, n, engine, listener))
        return await _settled(tasks, sampled)


async def draw_until_scored(
    prompt: Prompt,
    sizes: Iterable[int],
    engine: Engine,
    judge: CandidateScorer,
    enough: Callable[[Sequence[float]], bool],
    *,
    fail_fast: bool = True,
) -> Drawn:
    """Draw wave by wave, each scored whole, until `enough` says so of the scores: for rules that look at scores."""
    async with ScoreTasks(judge, prompt, fail_fast=fail_fast) as tasks:
        drawn: list[Candidate] = []
        started = 0
        for size in sizes:
            drawn += await draw(prompt, size, engine, _scoring(tasks), start=len(drawn))
            started += size
            failure = await tasks.settle()
            values = [tasks.score(candidate).value for candidate in drawn]
            numbers = [value for value in values if value is not None and is_number(value)]
            if failure is not None or len(drawn) < started or enough(numbers):
                break
        return await _settled(tasks, Sampled(drawn))


def _scoring(tasks: ScoreTasks) -> Listener:
    def listen(candidate: Candidate) -> None:
        if candidate.is_valid:
            tasks.submit(candidate)
        tasks.check()

    return listen


async def _settled(tasks: ScoreTasks, sampled: Sampled) -> Drawn:
    candidates = sampled.candidates
    if not any(candidate.is_valid for candidate in candidates):
        for candidate in candidates:
            tasks.submit_invalid(candidate)
    failure = await tasks.settle()
    return Drawn(tuple(candidates), tuple(map(tasks.score, candidates)), failure, sampled.details)
