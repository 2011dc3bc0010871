"""One vLLM pooling engine: token ids in, raw logits out, and an empty or short answer is an error, never a score."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast
from uuid import uuid4

from service.engine.group_lock import GroupLock
from service.engine.host.process_tree import ProcessTree, children
from service.keys.caller import current
from service.reward_models.base.errors import FailureReason, PoolingFailed
from service.reward_models.base.model_config import PoolingEngineConfig
from service.reward_models.base.ports import Logits, PoolingOutput, TokenQuery
from service.reward_models.pooling.engine_args import Task, pooling_params, start_engine
from strategies.base.concurrency import gather_in_order

A = TypeVar("A")
B = TypeVar("B")


class Encoder(Protocol):
    """What is used of vLLM's AsyncLLM."""

    @property
    def errored(self) -> bool: ...
    @property
    def output_handler(self) -> object: ...
    def encode(self, prompt: Any, pooling_params: Any, request_id: str) -> AsyncGenerator[Any, None]: ...
    async def is_sleeping(self) -> bool: ...
    def shutdown(self) -> None: ...


class PoolingEngine:
    """A reward model in an engine of its own, shared by every scorer that reads it.

    All inputs of a call are submitted at once, so that the engine batches them; the scorers' turn is held from the
    first to the last. Cancelling the call aborts what still runs. Failures are PoolingFailed, and the first one
    ends the call.
    """

    def __init__(
        self,
        engine: Encoder,
        lock: GroupLock,
        *,
        max_model_len: int,
        dtype: str,
        params: Callable[[Task, bool], Any] = pooling_params,
        processes: ProcessTree | None = None,
        shape: PoolingEngineConfig | None = None,
    ) -> None:
        self.max_model_len = max_model_len
        self.dtype = dtype
        self._engine: Encoder | None = engine
        self._lock = lock
        self._params = params
        self._shape = shape or PoolingEngineConfig()
        self._processes = processes or ProcessTree()

    @classmethod
    def start(cls, shape: PoolingEngineConfig, checkpoint: Path, lock: GroupLock) -> "PoolingEngine":
        """Load the checkpoint; blocks for 10 to 20 s. Call it in a thread without an event loop, and one at a time.

        The engine's processes die with the thread that made them: the main one, or that of a `Starter`.
        """
        before = children()
        # Never a local here: a traceback that outlives the start holds this frame, and would hold the engine with it.
        return cls._around(start_engine(shape, checkpoint), lock, before, shape)

    @classmethod
    def _around(
        cls, engine: Any, lock: GroupLock, before: set[BaseProcess], shape: PoolingEngineConfig
    ) -> "PoolingEngine":
        config = engine.model_config
        return cls(
            engine,
            lock,
            max_model_len=config.max_model_len,
            dtype=str(config.dtype).removeprefix("torch."),
            processes=ProcessTree.since(before),
            shape=shape,
        )

    async def classify(self, inputs: Sequence[Sequence[int]]) -> list[PoolingOutput]:
        """The raw logits at the last token of each input, as a reading of one row."""
        self._check(inputs)
        return await self._in_turn(self._last_row, inputs)

    async def token_classify(self, queries: Sequence[TokenQuery]) -> list[PoolingOutput]:
        """The raw logits at the tokens asked for, in order."""
        self._check([query.ids for query in queries])
        return await self._in_turn(self._rows_at, queries)

    async def check_health(self) -> None:
        """Return if the engine lives; PoolingFailed (`engine_dead`) if not. It does not come back."""
        self._living()

    async def ping(self) -> None:
        """A question that the engine answers between two steps: one that is stopped, or stuck in a step, does not."""
        try:
            await self._living().is_sleeping()
        except Exception as error:
            raise PoolingFailed(f"its engine is gone ({type(error).__name__})", "engine_dead") from error

    def kill(self) -> None:
        """SIGKILL to the engine's processes, stopped ones too; vLLM then fails what is in flight."""
        self._processes.kill()

    def close(self) -> None:
        """Stop the engine and its processes, which takes seconds; safe to call twice."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.shutdown()
            # Collected only as the interpreter ends, vLLM would shut down again in ruins and say so.
            del engine
            gc.collect()

    async def aclose(self) -> None:
        """Stop the engine without blocking the loop; what is still being read fails."""
        if self._engine is not None and self._engine.output_handler is not None:
            from service.engine.vllm.shutdown import stop_listening

            stop_listening(cast("Any", self._engine))
        await asyncio.to_thread(self.close)

    def _living(self) -> Encoder:
        if self._engine is None or self._engine.errored:
            raise PoolingFailed("its engine is gone", "engine_dead")
        return self._engine

    def _check(self, inputs: Sequence[Sequence[int]]) -> None:
        """Before anything is submitted: the engine lives and every input fits. Nothing is ever cut to fit."""
        self._living()
        longest = max(map(len, inputs), default=0)
        if longest > self.max_model_len:
            raise PoolingFailed(
                f"{longest} tokens to read, and it reads at most {self.max_model_len}", "too_long"
            )

    async def _in_turn(self, read: Callable[[A], Coroutine[Any, Any, B]], inputs: Sequence[A]) -> list[B]:
        if not inputs:
            return []
        async with self._lock.take("score"):
            return await gather_in_order([read(item) for item in inputs])

    async def _last_row(self, ids: Sequence[int]) -> PoolingOutput:
        if self._shape.reads == "token":
            # vLLM reads such a head at every token only; the last one is never taken from the cache.
            rows, cached = await self._suffix_rows(ids, reads_cache=True)
            return PoolingOutput((rows[-1],), len(ids), cached)
        output = await self._encode(ids, "classify", reads_cache=True)
        row: Logits = tuple(output.outputs.data.reshape(-1).tolist())
        return PoolingOutput((row,), len(ids), output.num_cached_tokens)

    async def _rows_at(self, query: TokenQuery) -> PoolingOutput:
        rows, cached = await self._suffix_rows(query.ids, reads_cache=True)
        tokens = len(query.ids)
        # The engine gives no rows for what it found in its cache. Where one of those is wanted it reads all again.
        if query.positions[0] < tokens - len(rows):
            rows, _ = await self._suffix_rows(query.ids, reads_cache=False)
            tokens += len(query.ids)
        first = len(query.ids) - len(rows)
        return PoolingOutput(tuple(rows[position - first] for position in query.positions), tokens, cached)

    async def _suffix_rows(self, ids: Sequence[int], *, reads_cache: bool) -> tuple[list[Logits], int]:
        """The rows of the tokens that were not cached, and how many were."""
        output = await self._encode(ids, "token_classify", reads_cache=reads_cache)
        rows: list[Logits] = [tuple(row) for row in output.outputs.data.tolist()]
        cached: int = output.num_cached_tokens
        # That the rows are the uncached suffix is vLLM's habit rather than its promise, so it is checked each time.
        if len(rows) != len(ids) - cached or (cached and not reads_cache):
            raise PoolingFailed(f"{len(rows)} rows for {len(ids)} tokens, {cached} of them cached", "error")
        return rows, cached

    async def _encode(self, ids: Sequence[int], task: Task, *, reads_cache: bool) -> Any:
        """The engine's whole answer to one input, which holds at least one row."""
        engine = self._living()
        params = self._params(task, reads_cache)
        after = self._shape.types_after
        if after is not None and after in ids:
            second = list(ids).index(after) + 1
            params.extra_kwargs = {"compressed_token_type_ids": second}
        outputs = engine.encode(engine_input(ids), params, f"score-{uuid4().hex}")
        last: Any = None
        try:
            async for output in outputs:
                last = output
        except Exception as error:
            reason: FailureReason = "engine_dead" if engine.errored else "error"
            raise PoolingFailed(f"its engine failed ({type(error).__name__}: {error})", reason) from error
        finally:
            await outputs.aclose()
        if last is None or getattr(last, "error", None) is not None:
            raise PoolingFailed(f"its engine gave no answer ({getattr(last, 'error', None)})", "error")
        # This is how vLLM tells that a request was aborted: no error, and nothing in the answer.
        if not last.outputs.data.numel():
            raise PoolingFailed("its reading was aborted", "aborted")
        return last


def engine_input(ids: Sequence[int]) -> dict[str, Any]:
    """vLLM's prompt; with a salt, what the prefix cache holds for one key is not found by another."""
    salt = current().cache_salt
    return {"prompt_token_ids": list(ids)} | ({} if salt is None else {"cache_salt": salt})
