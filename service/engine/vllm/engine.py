"""The generator in this process: vLLM's AsyncLLM, started before the event loop, stopped with its processes."""

import asyncio
import functools
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.engine.checkpoint_size import count_parameters
from service.engine.group_lock import GroupLock
from service.engine.host.process_tree import ProcessTree, children
from service.engine.ports import EngineInfo, TextLogprobs
from service.engine.settings import EngineSettings
from service.engine.tokenizer.chat_tokenizer import ChatTokenizer
from service.engine.vllm.engine_args import TOP_H, bind_threads, engine_arguments, prepare_environment
from strategies.base.concurrency import each_as_it_ends
from strategies.base.errors import EngineFailed
from strategies.base.ports import LiveCandidate, OnDelta
from strategies.base.types import Candidate, Prompt, Stage

if TYPE_CHECKING:
    from service.engine.vllm.requests import Requests

# vLLM is imported inside functions: the environment it reads must be set first, and others need none of it.


def runs_on_cpu() -> bool:
    """Whether vLLM computes on CPU cores here; imports vllm, which takes seconds."""
    from vllm.platforms import current_platform

    return bool(current_platform.is_cpu())


class VllmEngine:
    """ServedEngine over AsyncLLM.

    What a seed promises: candidate `index` always draws with the same random numbers, whatever else runs and
    however many candidates there are. Alone in the engine, the same request gives the same tokens. In company
    the probabilities themselves change a little with the batch (bfloat16), and then text may differ.
    """

    def __init__(self, requests: "Requests", info: EngineInfo, processes: ProcessTree) -> None:
        self.requests = requests
        self._info = info
        self._processes = processes
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    def start(
        cls,
        settings: EngineSettings,
        model_path: str,
        served_name: str,
        lock: GroupLock,
    ) -> "VllmEngine":
        """Load the model; blocks for 10 to 30 s. Call it in a thread without an event loop, and one at a time.

        The engine's processes die with the thread that made them: the main one, or that of a `Starter`. Where the
        logits processor for `top_h` cannot be loaded, or `extra` names others, requests with `top_h` are refused.
        """
        prepare_environment(model_path)
        with warnings.catch_warnings():
            # What vLLM's modules tell its own developers as they load is nothing to our users.
            warnings.simplefilter("ignore")
            from vllm import AsyncEngineArgs
            from vllm.v1.engine.async_llm import AsyncLLM

            from service.engine.vllm.requests import Requests
            from service.engine.vllm.response_parser import Parsers, parser_class

        arguments = engine_arguments(settings, model_path, served_name, on_cpu=runs_on_cpu())
        if not loads_processors(arguments):
            arguments.pop("logits_processors", None)
        tokenizer = _tokenizer(arguments.get("tokenizer") or model_path, settings.chat_template)
        parsing = parser_class(settings.reasoning_parser, settings.tool_parser, tokenizer.inner)
        bind_threads(settings.cpu_cores, settings.tensor_parallel_size * settings.data_parallel_size)
        before = children()
        llm = AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments))
        processes = ProcessTree.since(before)
        parsers = Parsers(tokenizer, parsing, llm.model_config)
        has_top_h = TOP_H in (arguments.get("logits_processors") or ())
        requests = Requests(llm, tokenizer, lock, has_top_h=has_top_h, parsers=parsers)
        return cls(requests, _info(llm, model_path, served_name), processes)

    @property
    def info(self) -> EngineInfo:
        return self._info

    @property
    def tokenizer(self) -> ChatTokenizer:
        return self.requests.tokenizer

    @property
    def unfinished(self) -> int:
        """How many engine requests have not ended, paused ones included."""
        from service.engine.vllm.compat import unfinished_requests

        count: int = unfinished_requests(self.requests.llm)
        return count

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
        asked = await self.requests.ask(prompt, stage, streams=on_delta is not None, n=n)
        draws = [self.requests.draw(asked, index, on_delta) for index in range(start, start + n)]
        async with each_as_it_ends(draws) as candidates:
            yield candidates

    def open(
        self, prompt: Prompt, n: int, *, stage: Stage = "sample", start: int = 0
    ) -> AbstractAsyncContextManager[Sequence[LiveCandidate]]:
        from service.engine.vllm.live_candidate import open_live

        return open_live(self.requests, prompt, n, stage=stage, start=start)

    @property
    def vocabulary(self) -> int:
        size: int = self.requests.llm.model_config.get_vocab_size()
        return size

    async def read(
        self, prompt: Prompt, texts: Sequence[str], *, alternatives: int = 0
    ) -> list[TextLogprobs]:
        from service.engine.vllm.prompt_logprobs import read

        return await read(self.requests, prompt, texts, alternatives)

    async def check_health(self) -> None:
        try:
            await self.requests.llm.check_health()
        except Exception as error:
            raise EngineFailed("the generator's engine has died") from error

    async def ping(self) -> None:
        """A question that the engine answers between two steps: one that is stopped, or stuck in a step, does not."""
        from service.engine.vllm.errors import translated

        with translated():
            await self.requests.llm.is_sleeping()

    def kill(self) -> None:
        """SIGKILL to the engine's processes, stopped ones too; vLLM then fails what is in flight."""
        self._processes.kill()

    async def aclose(self) -> None:
        """Stop the engine's processes, which takes some seconds; every caller waits until they are gone."""
        if self._closing is None:
            self._closing = asyncio.create_task(self.requests.aclose())
        await asyncio.shield(self._closing)


@functools.lru_cache(maxsize=8)
def _tokenizer(source: str, template: str | None) -> ChatTokenizer:
    """Read once: when the engine is started again, the event loop beside it would stand still for as long."""
    tokenizer = ChatTokenizer(source)
    if template is not None:
        is_written_out = "{" in template
        tokenizer.inner.chat_template = (
            template if is_written_out else Path(template).read_text(encoding="utf-8")
        )
    return tokenizer


def loads_processors(arguments: dict[str, Any]) -> bool:
    """False where vLLM would refuse to start: its older model runner has none beside speculative decoding."""
    if not arguments.get("speculative_config"):
        return True
    from vllm import AsyncEngineArgs

    return bool(AsyncEngineArgs(**arguments).create_engine_config().use_v2_model_runner)


def _info(llm: Any, model_path: str, served_name: str) -> EngineInfo:
    defaults = llm.model_config.get_diff_sampling_param()
    return EngineInfo(
        model=served_name,
        backend="vllm",
        max_model_len=llm.model_config.max_model_len,
        parameters=count_parameters(model_path),
        defaults={name: value for name, value in defaults.items() if isinstance(value, int | float)},
        concurrency=llm.vllm_config.scheduler_config.max_num_seqs,
    )
