"""Models read by transformers behind the ports of pooling and language models: queued, batched, never on the loop."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from service.engine.group_lock import GroupLock
from service.reward_models.base.errors import PoolingFailed
from service.reward_models.base.language import TextQuery
from service.reward_models.base.ports import PoolingOutput, TokenQuery
from service.reward_models.transformers.batching import Item, Rows, batches


class Worker(Protocol):
    """What is used of a WorkerProcess."""

    @property
    def is_alive(self) -> bool: ...
    def ask(self, items: Sequence[Item]) -> list[Rows]: ...
    def kill(self) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Objectives:
    """A text's score by a model of several objectives: the scalar product of `values` and `weights`."""

    score: float
    values: tuple[float, ...]
    weights: tuple[float, ...]


@dataclass(slots=True, eq=False)
class _Call:
    """One caller's items, the answers that came, and the future that it waits for."""

    items: Sequence[Item]
    answers: dict[int, Rows]
    done: asyncio.Future[list[Rows]]

    def take(self, index: int, rows: Rows) -> None:
        self.answers[index] = rows
        if len(self.answers) == len(self.items) and not self.done.done():
            self.done.set_result([self.answers[i] for i in range(len(self.items))])

    def fail(self, error: PoolingFailed) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class TransformersModel:
    """A model in a worker process, shared by every scorer that reads it; both a pooling and a language model.

    What is asked while a batch is being read waits, and is then batched together by length, whoever asked. The
    scorers' turn is held while anything is read. A call that is cancelled is left out of the batches to come.
    Which verbs can be answered depends on what was loaded; the others are PoolingFailed.
    """

    def __init__(
        self,
        worker: Worker,
        lock: GroupLock,
        *,
        max_model_len: int,
        dtype: str = "float32",
        max_batch_tokens: int = 8192,
        reads_text: bool = False,
    ) -> None:
        self.max_model_len = max_model_len
        self.dtype = dtype
        self._worker = worker
        self._lock = lock
        self._max_batch_tokens = max_batch_tokens
        self._reads_text = reads_text
        self._calls: list[_Call] = []
        self._reader: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[list[Rows]] | None = None

    async def classify(self, inputs: Sequence[Sequence[int]]) -> list[PoolingOutput]:
        """The head's row for each input: at its last token, or of the whole text where the head reads that."""
        if self._reads_text:
            items = [Item("text", ids) for ids in inputs]
        else:
            items = [Item("rows", ids, (len(ids) - 1,)) for ids in inputs]
        return await self._readings(items)

    async def token_classify(self, queries: Sequence[TokenQuery]) -> list[PoolingOutput]:
        """The head's rows at the tokens asked for, in order."""
        return await self._readings([Item("rows", query.ids, query.positions) for query in queries])

    async def objectives(self, inputs: Sequence[Sequence[int]]) -> list[Objectives]:
        """Each input's objectives and the weights that the model's own gate gives them."""
        answers = await self._ask([Item("objectives", ids) for ids in inputs])
        return [Objectives(score[0], tuple(values), tuple(weights)) for score, values, weights in answers]

    async def token_logits(
        self, queries: Sequence[TokenQuery], token_ids: Sequence[int]
    ) -> list[PoolingOutput]:
        """At each position asked for, the logits of `token_ids` as the next token: one row a position."""
        wanted = tuple(token_ids)
        return await self._readings(
            [Item("token_logits", query.ids, query.positions, wanted) for query in queries]
        )

    async def logprobs(self, queries: Sequence[TextQuery]) -> list[PoolingOutput]:
        """The log-probability of each token from `start` on, in nats: a reading of one row."""
        return await self._readings([Item("logprobs", query.ids, (query.start,)) for query in queries])

    async def check_health(self) -> None:
        """Return if the process lives; PoolingFailed (`engine_dead`) if not."""
        if not self._worker.is_alive:
            raise PoolingFailed("its process is gone", "engine_dead")

    async def ping(self) -> None:
        """Return once the process has answered, its batch at work or an empty one; PoolingFailed if it is gone."""
        if self._asking is not None and not self._asking.done():
            await asyncio.wait([self._asking])
        else:
            await asyncio.to_thread(self._worker.ask, ())
        await self.check_health()

    def kill(self) -> None:
        """SIGKILL to the process, a stopped one too; what is in flight fails as `engine_dead`."""
        self._worker.kill()

    def close(self) -> None:
        """Kill the process and collect it; safe to call twice."""
        self._worker.close()

    async def aclose(self) -> None:
        """The same without blocking the loop."""
        await asyncio.to_thread(self.close)

    async def _readings(self, items: Sequence[Item]) -> list[PoolingOutput]:
        answers = await self._ask(items)
        return [
            PoolingOutput(tuple(map(tuple, rows)), len(item.ids))
            for item, rows in zip(items, answers, strict=True)
        ]

    async def _ask(self, items: Sequence[Item]) -> list[Rows]:
        await self.check_health()
        longest = max((len(item.ids) for item in items), default=0)
        if longest > self.max_model_len:
            raise PoolingFailed(
                f"{longest} tokens to read, and it reads at most {self.max_model_len}", "too_long"
            )
        if not items:
            return []
        call = _Call(items, {}, asyncio.get_running_loop().create_future())
        self._calls.append(call)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        return await call.done

    async def _read(self) -> None:
        """Read all that waits, and what comes meanwhile, until nothing does."""
        while self._calls:
            async with self._lock.take("score"):
                calls, self._calls = self._calls, []
                await self._read_together(calls)

    async def _read_together(self, calls: Sequence[_Call]) -> None:
        places = [(call, index) for call in calls for index in range(len(call.items))]
        for batch in batches([call.items[index] for call, index in places], self._max_batch_tokens):
            wanted = [places[i] for i in batch if not places[i][0].done.done()]
            if not wanted:
                continue
            try:
                items = [call.items[index] for call, index in wanted]
                self._asking = asyncio.create_task(asyncio.to_thread(self._worker.ask, items))
                for (call, index), rows in zip(wanted, await self._asking, strict=True):
                    call.take(index, rows)
            except Exception as error:
                for call, _ in wanted:
                    call.fail(_as_failure(error))


def _as_failure(error: Exception) -> PoolingFailed:
    if isinstance(error, PoolingFailed):
        return error
    return PoolingFailed(f"it failed ({type(error).__name__}: {error})", "error")
