"""Recorded answers and scores behind the ports: a strategy selects among them with its own code, and none is drawn."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from service.engine.ports import EngineInfo, ServedEngine
from service.reward_models.base.loaded import LoadedScorers
from strategies.base.ports import Delta, LiveCandidate, OnDelta, OutcomeScores, StepScores
from strategies.base.types import Candidate, Prompt, Stage

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class ReplayEngine:
    """Plays recorded candidates as an engine would that writes all of them side by side, a token of each a step.

    So the shortest ends first, and a draw that is left early has cost what all had written by then. What is drawn for
    another stage than the candidates', and live candidates, come from `live`.
    """

    candidates: tuple[Candidate, ...]
    live: ServedEngine

    @property
    def info(self) -> EngineInfo:
        return self.live.info

    @asynccontextmanager
    async def sample(
        self,
        prompt: Prompt,
        n: int,
        *,
        stage: Stage = "sample",
        start: int = 0,
        on_delta: OnDelta | None = None,
    ) -> AsyncIterator[AsyncIterator[Candidate]]:
        if stage == "sample":
            if start + n > len(self.candidates):
                raise ValueError(
                    f"{start + n} candidates were asked for, {len(self.candidates)} are recorded"
                )
            yield _side_by_side(self.candidates[start : start + n], on_delta)
            return
        async with self.live.sample(prompt, n, stage=stage, start=start, on_delta=on_delta) as stream:
            yield stream

    def open(
        self, prompt: Prompt, n: int, *, stage: Stage = "sample", start: int = 0
    ) -> AbstractAsyncContextManager[Sequence[LiveCandidate]]:
        return self.live.open(prompt, n, stage=stage, start=start)

    async def check_health(self) -> None:
        await self.live.check_health()

    async def aclose(self) -> None:
        """Nothing: the live engine belongs to others."""


async def _side_by_side(
    candidates: Sequence[Candidate], on_delta: OnDelta | None
) -> AsyncIterator[Candidate]:
    written = 0
    for candidate in sorted(candidates, key=lambda c: (c.tokens, c.index)):
        for other in candidates:
            new = min(candidate.tokens, other.tokens) - written
            if on_delta is not None and new > 0:
                on_delta(Delta(other.index, "", new))
        written = candidate.tokens
        yield candidate


def deal(candidates: Sequence[Candidate], n: int) -> list[tuple[Candidate, ...]]:
    """As many sets of `n` as there are, no candidate in two, each numbered from 0.

    The first to read a prompt reads what the others then find in the prefix cache, so the first of each set costs
    what the first of all cost.
    """
    sets = []
    for begin in range(0, len(candidates) - n + 1, n):
        dealt = [replace(candidate, index=i) for i, candidate in enumerate(candidates[begin : begin + n])]
        sets.append((replace(dealt[0], cached_tokens=candidates[0].cached_tokens), *dealt[1:]))
    return sets


@dataclass(frozen=True, slots=True)
class Reading(Generic[V]):
    """What a scorer said of a text, and what it read for it."""

    value: V
    tokens: int
    cached: int


@dataclass(frozen=True, slots=True)
class Readings(Generic[V]):
    """A scorer's readings by text; `cold` is what one that has not read the question finds in its cache."""

    scorer: str
    by_text: Mapping[str, Reading[V]]
    cold: int


@dataclass(slots=True)
class Replay(Generic[V]):
    """One run's scorer, whose scores are recorded: the first text asked about costs what reading the question costs."""

    readings: Readings[V]
    is_warm: bool = False

    @property
    def name(self) -> str:
        return self.readings.scorer

    def read(self, texts: Sequence[str]) -> tuple[tuple[V, ...], int, int]:
        """Values, tokens read, and those of them that were cached; KeyError for a text that was not recorded."""
        found = [self.readings.by_text[text] for text in texts]
        cached = [reading.cached for reading in found]
        if texts and not self.is_warm:
            cached[0] = min(cached[0], self.readings.cold)
            self.is_warm = True
        return (
            tuple(reading.value for reading in found),
            sum(reading.tokens for reading in found),
            sum(cached),
        )


class ReplayOutcome(Replay[float | None]):
    """An OutcomeScorer."""

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        return OutcomeScores(*self.read(texts))


@dataclass(slots=True)
class ReplayStep(Replay[tuple[float, ...] | None]):
    """A StepScorer: the steps of an answer that is whole."""

    delimiter: str = "\n"

    async def score(self, prompt: Prompt, answers: Sequence[Sequence[str]]) -> StepScores:
        return StepScores(*self.read(["".join(steps) for steps in answers]))


def recorded_scorers(
    live: LoadedScorers,
    outcome: Readings[float | None],
    step: Readings[tuple[float, ...] | None],
    delimiter: str,
) -> LoadedScorers:
    """The loaded scorers, of which one of each kind has been asked already."""
    replayed = ReplayStep(step, delimiter=delimiter)
    return replace(
        live,
        outcomes={**live.outcomes, outcome.scorer: ReplayOutcome(outcome)},
        steps={**live.steps, step.scorer: replayed},
    )
