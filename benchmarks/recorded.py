"""Answers drawn once, each with its scores, kept in the ledger: what replayed rows select from."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.caches import forget_readings, loaded, read_prompt
from benchmarks.ledger import Ledger
from benchmarks.measure import MAX_TOKENS, TEMPERATURE, prompt_of
from benchmarks.replay import Reading, Readings, recorded_scorers
from service.app import Parts
from service.embedded.problems.problems import Problem
from service.reward_models.base.loaded import LoadedScorers
from strategies.answers.steps import split_steps
from strategies.base.types import Candidate, Prompt

Row = tuple[Any, int, int]
"""A score, the tokens read for it, and those of them that were cached."""


@dataclass(frozen=True)
class Recorded:
    """One problem: the prompt, its candidates in order of index, and what the first scorer of each kind said."""

    prompt: Prompt
    candidates: tuple[Candidate, ...]
    outcome: Readings[float | None]
    step: Readings[tuple[float, ...] | None]

    def scorers(self, parts: Parts) -> LoadedScorers:
        """The scorers of one run."""
        delimiter = parts.scorers.step(self.step.scorer).delimiter
        return recorded_scorers(loaded(parts), self.outcome, self.step, delimiter)


@dataclass(frozen=True)
class Recorder:
    """Draws `n` answers to a problem and has them scored, unless the ledger holds them for these models."""

    ledger: Ledger
    models: Mapping[str, str]
    n: int

    async def record(self, problem: Problem, number: int, parts: Parts) -> Recorded:
        """`number` is the seed. Identical answers are scored once."""
        prompt = prompt_of(problem, seed=number)
        candidates = await self._drawn(problem, prompt, parts)
        texts = list(dict.fromkeys(c.text for c in candidates if not c.is_empty))
        outcome, step = parts.scorers.outcome(None), parts.scorers.step(None)

        async def whole(text: str) -> Row:
            scores = await outcome.score(prompt, [text])
            return scores.values[0], scores.tokens, scores.cached

        async def by_step(text: str) -> Row:
            scores = await step.score(prompt, [split_steps(text, step.delimiter)])
            return scores.values[0], scores.tokens, scores.cached

        def key(scorer: str) -> dict[str, Any]:
            return self._key("scores", problem, prompt) | {"scorer": scorer, **self.models}

        outcomes = await self._read(key(outcome.name), texts, whole, parts)
        steps = await self._read(key(step.name), texts, by_step, parts)
        return Recorded(
            prompt,
            candidates,
            Readings(outcome.name, {text: Reading(*row) for text, row in outcomes.items()}, _cold(outcomes)),
            Readings(
                step.name,
                {
                    text: Reading(v and tuple(v), tokens, cached)
                    for text, (v, tokens, cached) in steps.items()
                },
                _cold(steps),
            ),
        )

    async def _drawn(self, problem: Problem, prompt: Prompt, parts: Parts) -> tuple[Candidate, ...]:
        key = self._key("draw", problem, prompt) | {"generator": self.models["generator"], "logprobs": 0}
        rows = self.ledger.get(key)
        if rows is None:
            await read_prompt(parts.engine, prompt)
            told = replace(prompt, decoding=replace(prompt.decoding, logprobs=0))
            async with parts.engine.sample(told, self.n) as stream:
                drawn = sorted([candidate async for candidate in stream], key=lambda c: c.index)
            rows = [
                [c.text, c.tokens, c.finish_reason, c.prompt_tokens, c.cached_tokens, c.logprob]
                for c in drawn
            ]
            self.ledger.put(key, rows)
        return tuple(
            Candidate(i, text, tokens, reason, read, cached, logprob=logprob)
            for i, (text, tokens, reason, read, cached, logprob) in enumerate(rows)
        )

    async def _read(
        self, key: Mapping[str, Any], texts: list[str], one: Callable[[str], Awaitable[Row]], parts: Parts
    ) -> dict[str, Row]:
        """Each text by itself, so that it is known what each costs; the first alone, since it reads the question."""
        found = self.ledger.get(key)
        if found is None:
            await forget_readings(parts)
            found = [await one(text) for text in texts[:1]]
            found += await asyncio.gather(*map(one, texts[1:]))
            self.ledger.put(key, found)
        return dict(zip(texts, found, strict=True))

    def _key(self, kind: str, problem: Problem, prompt: Prompt) -> dict[str, Any]:
        return {
            "kind": kind,
            "problem": problem.key,
            "question": problem.question,
            "n": self.n,
            "seed": prompt.decoding.seed,
            "sampling": [TEMPERATURE, MAX_TOKENS],
        }


def _cold(rows: Mapping[str, Row]) -> int:
    """What the first text found cached; it was read before any other."""
    return next((cached for _, _, cached in rows.values()), 0)
