"""Stand-ins without a model: an encoder that behaves like vLLM's AsyncLLM, and a tokenizer of one token a piece."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np

from service.engine.group_lock import GroupLock
from service.engine.tokenizer.chat_tokenizer import Conversation
from service.reward_models.base.errors import PoolingFailed
from service.reward_models.base.ports import PoolingOutput, TokenQuery
from service.reward_models.pooling.engine import PoolingEngine
from strategies.base.types import Message, Tools

BLOCK = 4
"""Tokens in a block of the fake prefix cache."""


class Tensor:
    """The little of a tensor that is used."""

    def __init__(self, values: list[Any]) -> None:
        self.values = np.array(values, dtype=float)

    def numel(self) -> int:
        return int(self.values.size)

    def tolist(self) -> list[Any]:
        rows: list[Any] = self.values.tolist()
        return rows

    def reshape(self, size: int) -> "Tensor":
        return Tensor(self.values.reshape(size).tolist())


@dataclass
class Pooled:
    data: Tensor


@dataclass
class Output:
    outputs: Pooled
    num_cached_tokens: int
    error: Any = None


def row_of(ids: Sequence[int]) -> list[float]:
    """The fake model's two logits at the last of these tokens: they depend on all of them."""
    return [sum((i + 1) * token for i, token in enumerate(ids)) % 997 / 100, len(ids) / 10]


@dataclass
class FakeEncoder:
    """Answers as vLLM does: a prefix cache in whole blocks, and only the uncached rows where the cache is read."""

    errored: bool = False
    fails: Exception | None = None
    aborts: bool = False
    short: bool = False
    lies: bool = False
    nan: bool = False
    waits_s: float = 0.0
    asked: list[tuple[str, bool, int]] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    shutdowns: int = 0
    output_handler: None = None
    _cache: set[tuple[int, ...]] = field(default_factory=set)

    async def encode(self, prompt: Any, pooling_params: Any, request_id: str) -> AsyncGenerator[Any, None]:
        task, reads_cache = pooling_params
        ids = prompt["prompt_token_ids"]
        self.asked.append((task, reads_cache, len(ids)))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(self.waits_s)
            if self.fails:
                raise self.fails
            yield self.answer(ids, task, self.read(ids) if reads_cache else 0)
        finally:
            self.running -= 1

    def answer(self, ids: list[int], task: str, cached: int) -> Output:
        self._cache |= {tuple(ids[:end]) for end in range(BLOCK, len(ids) + 1, BLOCK)}
        if self.aborts:
            return Output(Pooled(Tensor([])), cached)
        if self.nan:
            return Output(Pooled(Tensor([[np.nan, 0.0]] * (len(ids) - cached))), cached)
        if task == "classify":
            return Output(Pooled(Tensor(row_of(ids))), cached)
        rows = [row_of(ids[: end + 1]) for end in range(0 if self.lies else cached, len(ids))]
        return Output(Pooled(Tensor(rows[:-1] if self.short else rows)), cached)

    def read(self, ids: list[int]) -> int:
        """The cached tokens: whole blocks, never all of the input."""
        ends = range(BLOCK, len(ids), BLOCK)
        return max((end for end in ends if tuple(ids[:end]) in self._cache), default=0)

    async def is_sleeping(self) -> bool:
        return False

    def shutdown(self) -> None:
        self.shutdowns += 1


def fake_engine(
    encoder: FakeEncoder, lock: GroupLock | None = None, *, max_model_len: int = 1000
) -> PoolingEngine:
    return PoolingEngine(
        encoder,
        lock or GroupLock(),
        max_model_len=max_model_len,
        dtype="float32",
        params=lambda task, reads: (task, reads),
    )


@dataclass
class FakeModel:
    """A pooling model without an engine: the row at a token depends on the tokens up to it."""

    max_model_len: int = 10_000
    dtype: str = "float32"
    fails: PoolingFailed | None = None
    classified: list[list[int]] = field(default_factory=list)
    queried: list[TokenQuery] = field(default_factory=list)
    is_closed: bool = False
    row: tuple[float, ...] | None = None

    async def classify(self, inputs: Sequence[Sequence[int]]) -> list[PoolingOutput]:
        self.raise_if_told()
        self.classified += [list(ids) for ids in inputs]
        return [PoolingOutput((self.row or tuple(row_of(ids)),), len(ids), 1) for ids in inputs]

    async def token_classify(self, queries: Sequence[TokenQuery]) -> list[PoolingOutput]:
        self.raise_if_told()
        self.queried += queries
        return [
            PoolingOutput(tuple(self.row or tuple(row_of(q.ids[: at + 1])) for at in q.positions), len(q.ids))
            for q in queries
        ]

    async def check_health(self) -> None:
        self.raise_if_told()

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.close()

    def raise_if_told(self) -> None:
        if self.fails:
            raise self.fails


@dataclass
class PieceTokenizer:
    """`Q…\\nA` + answer + `E`, cut into words and single signs; `strips` drops white space around the answer.

    `merges` are further pieces that are one token each, so that a step can end inside a token.
    """

    merges: tuple[str, ...] = ()
    strips: bool = False
    read: list[tuple[tuple[Message, ...], str]] = field(default_factory=list)

    def conversation(
        self, messages: Sequence[Message], answer: str, tools: Tools | None = None
    ) -> Conversation:
        self.read.append((tuple(messages), answer))
        said = answer.strip() if self.strips else answer
        offset = len(answer) - len(answer.lstrip()) if self.strips else 0
        before = ["Q", *self.pieces("".join(m.content for m in messages)), "\n", "A"]
        pieces = self.pieces(said)
        ends = [offset + end for end in accumulate(map(len, pieces))]
        ids = [self.id_of(piece) for piece in [*before, *pieces, "E"]]
        return Conversation(ids, [-1] * len(before) + ends + [-1])

    def pieces(self, text: str) -> list[str]:
        longest_first = sorted(self.merges, key=len, reverse=True)
        return re.findall("|".join([*map(re.escape, longest_first), r"\w+", r"\W"]), text)

    @staticmethod
    def id_of(piece: str) -> int:
        return sum((i + 1) * ord(sign) for i, sign in enumerate(piece)) % 30_000
