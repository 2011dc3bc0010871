"""Each step of a response judged by a model that is read at one token a step, where its layout says."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from service.reward_models.base.errors import failures_of
from service.reward_models.base.ports import Logits, PoolingOutput, TokenQuery
from service.reward_models.base.rendering import messages_of
from service.reward_models.pooling.head import Head
from service.reward_models.pooling.row_cache import Key, LogitsCache, keys_of
from service.reward_models.process.steps import StepInput, StepLayout
from strategies.base.ports import StepScores
from strategies.base.types import Prompt


class TokenRows(Protocol):
    """A model with a row of logits at every token: a `PoolingModel`, or two words of a language model."""

    async def token_classify(self, queries: Sequence[TokenQuery]) -> list[PoolingOutput]:
        """The rows at the tokens asked for."""


@dataclass(frozen=True, slots=True)
class PooledStepScorer:
    """A step scorer on a model that gives a row at every token, and sees no token before it has come.

    Steps are those that the caller gives, never what the text looks like: separators inside a step add none. Equal
    answers are read once, and so is a step that has been read before after the same text.
    """

    name: str
    layout: StepLayout
    model: TokenRows
    head: Head
    delimiter: str = "\n"
    memo: LogitsCache = field(default_factory=LogitsCache)

    async def score(self, prompt: Prompt, answers: Sequence[Sequence[str]]) -> StepScores:
        """One number a step, in order; None for an answer in which there is nothing to judge.

        ScorerFailed, with its reason, if one answer cannot be scored.
        """
        distinct = list(dict.fromkeys(tuple(steps) for steps in answers))
        with failures_of(self.name):
            wanted = [_Wanted.of(found) for found in await self._inputs(prompt, distinct)]
            readings = await self._read(wanted)
            values = [self._values(item) for item in wanted]
        for item in wanted:
            self.memo.learn(item.rows)
        by_steps = dict(zip(distinct, values, strict=True))
        return StepScores(
            tuple(by_steps[tuple(steps)] for steps in answers),
            tokens=sum(reading.tokens for reading in readings),
            cached=sum(reading.cached for reading in readings),
        )

    async def _inputs(self, prompt: Prompt, answers: Sequence[Sequence[str]]) -> list[StepInput | None]:
        messages = messages_of(prompt)
        # Tokenising is work for a core, so it goes to a thread and the loop stays free.
        return await asyncio.to_thread(lambda: [self.layout.lay_out(messages, steps) for steps in answers])

    async def _read(self, wanted: Sequence["_Wanted"]) -> list[PoolingOutput]:
        """Fill in the rows of each; those in the memo cost nothing, the others are asked for in one go."""
        for item in wanted:
            item.rows.update(self.memo.known(item.keys))
        asked = [(item, item.missing) for item in wanted if item.missing]
        remembered = [
            PoolingOutput((), len(item.ids), len(item.ids))
            for item in wanted
            if item.keys and not item.missing
        ]
        readings = await self.model.token_classify(
            [TokenQuery(item.ids, list(missing)) for item, missing in asked]
        )
        for (item, missing), reading in zip(asked, readings, strict=True):
            item.rows.update(zip(missing.values(), reading.rows, strict=True))
        return [*readings, *remembered]

    def _values(self, item: "_Wanted") -> tuple[float, ...] | None:
        if not item.is_readable:
            return None
        return tuple(self.head.value(item.rows[key]) for key in item.keys)


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """One answer: where its steps end, the memo's keys of those places, and the rows found for them so far."""

    ids: Sequence[int]
    positions: Sequence[int]
    keys: list[Key]
    is_readable: bool
    rows: dict[Key, Logits] = field(default_factory=dict)

    @classmethod
    def of(cls, found: StepInput | None) -> "_Wanted":
        if found is None:
            return cls([], [], [], is_readable=False)
        return cls(found.ids, found.positions, keys_of(found.ids, found.positions), is_readable=True)

    @property
    def missing(self) -> dict[int, Key]:
        """The positions whose rows are not known yet; two steps that end in one token are one position."""
        return {at: key for at, key in zip(self.positions, self.keys, strict=True) if key not in self.rows}
