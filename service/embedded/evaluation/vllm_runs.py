"""Sampling and scoring through vLLM, one engine at a time: the only two functions that run the embedded models."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from service.embedded.checkpoints import quiet_and_offline
from service.embedded.problems.problems import Message
from service.engine.host.cpu_cores import as_list, usable_cores

MAX_ANSWER_TOKENS: Final = 48
_CONCURRENT: Final = 64
_KV_CACHE_BYTES: Final = 512 << 20

Progress = Callable[[int], None]


def sample(
    generator: Path,
    chats: Sequence[Sequence[Message]],
    n: int,
    temperature: float,
    progress: Progress = lambda done: None,
) -> list[list[str]]:
    """The texts of `n` answers to each chat; a cut-off answer is returned as it stands."""
    return asyncio.run(_sample(generator, chats, n, temperature, progress))


async def _sample(
    generator: Path, chats: Sequence[Sequence[Message]], n: int, temperature: float, progress: Progress
) -> list[list[str]]:
    async with _engine(model=str(generator), dtype="bfloat16", disable_log_stats=True) as engine:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        params = SamplingParams(
            n=1,
            temperature=temperature,
            max_tokens=MAX_ANSWER_TOKENS,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

        async def one(index: int) -> str:
            prompt = {"prompt_token_ids": _token_ids(engine, chats[index // n], add_generation_prompt=True)}
            text = ""
            async for output in engine.generate(prompt, params, f"sample-{index}"):
                text = output.outputs[0].text
            return text

        texts = await _all_in_order(one, len(chats) * n, progress)
    return [texts[i * n : (i + 1) * n] for i in range(len(chats))]


def score(
    reward: Path, dialogs: Sequence[Sequence[Message]], progress: Progress = lambda done: None
) -> list[list[list[float]]]:
    """The raw logits (outcome, step) at every token of each dialog, rendered by the reward model's own template."""
    return asyncio.run(_score(reward, dialogs, progress))


async def _score(
    reward: Path, dialogs: Sequence[Sequence[Message]], progress: Progress
) -> list[list[list[float]]]:
    quiet_and_offline()
    from vllm.config import PoolerConfig

    pooler = PoolerConfig(tok_pooling_type="ALL")
    async with _engine(
        model=str(reward), runner="pooling", dtype="float32", pooler_config=pooler, disable_log_stats=True
    ) as engine:
        from vllm import PoolingParams

        params = PoolingParams(task="token_classify", use_activation=False)

        async def one(index: int) -> list[list[float]]:
            prompt = {"prompt_token_ids": _token_ids(engine, dialogs[index])}
            rows: list[list[float]] = []
            async for output in engine.encode(prompt, params, f"score-{index}"):
                rows = output.outputs.data.tolist()
            if not rows:
                raise RuntimeError(f"the reward engine returned no scores for dialog {index}")
            return rows

        return await _all_in_order(one, len(dialogs), progress)


@asynccontextmanager
async def _engine(**arguments: Any) -> AsyncIterator[Any]:
    quiet_and_offline()
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", as_list(usable_cores()))
    # The process-wide setting would override the engine's own share.
    os.environ.pop("VLLM_CPU_KVCACHE_SPACE", None)
    from vllm import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    engine = AsyncLLM.from_engine_args(
        AsyncEngineArgs(
            max_model_len=1024,
            max_num_seqs=_CONCURRENT,
            enforce_eager=True,
            block_size=32,
            kv_cache_memory_bytes=_KV_CACHE_BYTES,
            enable_log_requests=False,
            use_tqdm_on_load=False,
            **arguments,
        )
    )
    try:
        yield engine
    finally:
        engine.shutdown()
        # Its finaliser fails noisily when it runs as the interpreter ends.
        del engine
        gc.collect()


def _token_ids(engine: Any, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> list[int]:
    text = engine.get_tokenizer().apply_chat_template(
        list(messages), tokenize=False, add_generation_prompt=add_generation_prompt
    )
    ids: list[int] = engine.get_tokenizer().encode(text, add_special_tokens=False)
    return ids


async def _all_in_order(one: Callable[[int], Any], count: int, progress: Progress) -> list[Any]:
    """Run one(0..count-1), a bounded number at a time; the first error ends them all."""
    gate = asyncio.Semaphore(2 * _CONCURRENT)
    results: list[Any] = [None] * count
    done = 0

    async def run(index: int) -> None:
        nonlocal done
        async with gate:
            results[index] = await one(index)
        done += 1
        progress(done)

    async with asyncio.TaskGroup() as group:
        for index in range(count):
            group.create_task(run(index))
    return results
