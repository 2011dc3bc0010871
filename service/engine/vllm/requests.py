"""Candidates as requests to AsyncLLM: each is seeded, takes its turn, and is aborted when nobody waits for it."""

import asyncio
import copy
import secrets
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

from vllm import SamplingParams
from vllm.inputs import tokens_input
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineGenerateError

from service.engine.grammar.checker import GrammarChecker, Tokenizer
from service.engine.group_lock import GroupLock
from service.engine.response_parser import ResponseParser
from service.engine.seeds import candidate_seed
from service.engine.tokenizer.chat_tokenizer import ChatTokenizer
from service.engine.vllm.errors import translated
from service.engine.vllm.kv_reservation import KvReservation
from service.engine.vllm.outputs import Gathering
from service.engine.vllm.response_parser import Parsers
from service.engine.vllm.sampling_params import sampling_params
from service.engine.vllm.shutdown import stop_listening
from service.keys.caller import current
from strategies.base.errors import InvalidRequest, PromptTooLong, Unsupported
from strategies.base.ports import OnDelta
from strategies.base.types import Candidate, Decoding, Prompt, Stage

# The engine's processes hold nothing worth saving; left alone they would take about 5 s to end.
_GRACE_S: Final = 2.0
# Lower runs first: what ends a request overtakes what begins another.
_PRIORITY: Final[dict[Stage, int]] = {"sample": 0, "judge": -1, "fusion": -1}


@dataclass(frozen=True, slots=True)
class PreparedPrompt:
    """One prompt, read once and shared by all its candidates; `parsing` is what the engine is told of its parser.

    `fault` is the field to blame where the engine refuses it without a name.
    """

    ids: list[int]
    decoding: Decoding
    params: SamplingParams
    priority: int
    parser: Callable[[], ResponseParser]
    parsing: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None

    def seeded(self, index: int, written: int = 0) -> SamplingParams:
        """The parameters of one candidate: its own copy, with its own seed where the request has one."""
        params = self.params.clone()
        # Without temperature nothing is drawn, and a generator per request would only cost time.
        if self.decoding.temperature > 0:
            params.seed = candidate_seed(self.decoding.seed, index, written)
        return params


class Requests:
    """Everything asked of one AsyncLLM."""

    def __init__(
        self,
        llm: AsyncLLM,
        tokenizer: ChatTokenizer,
        lock: GroupLock,
        *,
        has_top_h: bool,
        parsers: Parsers | None = None,
    ) -> None:
        self.llm = llm
        self.tokenizer = tokenizer
        self.parsers = parsers or Parsers(tokenizer)
        self.lock = lock
        self.room = _room(llm)
        self.grammars = GrammarChecker(lambda: _described(llm))
        self._has_top_h = has_top_h
        self._can_seed = _can_seed(llm)

    async def ask(self, prompt: Prompt, stage: Stage, *, streams: bool, n: int = 1) -> PreparedPrompt:
        """Read the prompt; InvalidRequest, naming the field, if this engine cannot answer it `n` times."""
        decoding = prompt.decoding
        if decoding.seed is not None and not self._can_seed:
            raise Unsupported(
                "on CPU a seed needs enable_chunked_prefill off: vLLM would crash", param="seed"
            )
        if decoding.thinking_token_budget is not None and not self.parsers.reasons:
            message = "thinking_token_budget needs engine.reasoning_parser, which tells where thinking ends"
            raise Unsupported(message, param="thinking_token_budget")
        params = sampling_params(decoding, has_top_h=self._has_top_h, streams=streams)
        self.parsers.hold(prompt, params)
        # Tokenising a long chat takes milliseconds, which the event loop does not have.
        ids = await asyncio.to_thread(self.tokenizer.prompt_ids, prompt)
        self._check_length(ids, "messages" if prompt.text is None else "prompt")
        if decoding.json_schema is not None:
            await self.grammars.check(decoding.json_schema, n)
        parser = self.parsers.of(prompt, ids)
        told = self.parsers.told(prompt, ids)
        return PreparedPrompt(ids, decoding, params, _PRIORITY[stage], parser, told, _unnamed(prompt))

    async def draw(self, asked: PreparedPrompt, index: int, on_delta: OnDelta | None) -> Candidate:
        """One finished candidate; it is aborted if the caller is cancelled.

        EngineFailed if the engine is lost, InvalidRequest if it refuses; a failure of this request alone is `error`.
        """
        gathering = Gathering(index, len(asked.ids), asked.decoding.logprobs, asked.parser())
        try:
            async with self.lock.take("generate"):
                with translated(asked.fault):
                    await self._gather(asked, index, gathering, on_delta)
        except EngineGenerateError:
            return gathering.candidate("error")
        return gathering.candidate()

    async def _gather(
        self, asked: PreparedPrompt, index: int, gathering: Gathering, on_delta: OnDelta | None
    ) -> None:
        request_id = secrets.token_hex(8)
        items = self.llm.generate(
            tokens_input(asked.ids, cache_salt=current().cache_salt),
            asked.seeded(index),
            request_id,
            priority=asked.priority,
            **asked.parsing,
        )
        # Leaving a loop over the items does not abort the request; closing the generator does.
        async with aclosing(items):
            async for item in items:
                delta = gathering.add(item, streams=on_delta is not None)
                if on_delta is not None and (delta.text or delta.tokens):
                    on_delta(delta)

    async def aclose(self) -> None:
        """Stop the engine's processes in a thread; what is still in flight fails as with a dead engine."""
        await self.grammars.aclose()
        stop_listening(self.llm)
        await asyncio.to_thread(self.llm.shutdown, timeout=_GRACE_S)
        # AsyncLLM shuts down again as it is collected, and fails noisily when the interpreter is half gone.
        self.llm.shutdown = _nothing

    def _check_length(self, ids: list[int], param: str) -> None:
        longest = self.llm.model_config.max_model_len
        if not ids:
            raise InvalidRequest("the prompt is empty", param=param)
        if len(ids) >= longest:
            raise PromptTooLong.by(len(ids), longest, param=param)


def _unnamed(prompt: Prompt) -> str | None:
    """The field at fault where vLLM refuses a request late and without a name."""
    decoding = prompt.decoding
    if prompt.tools is not None:
        return "tools"
    if decoding.json_schema is not None:
        return "response_format"
    return "top_h" if decoding.top_h is not None else None


def _described(llm: AsyncLLM) -> Tokenizer:
    """The tokenizer as vLLM's backend for structured outputs gives it to llguidance."""
    tokenizer: Any = llm.get_tokenizer()
    backend = copy.deepcopy(tokenizer.backend_tokenizer)
    backend.no_padding()
    backend.no_truncation()
    size = max(llm.model_config.get_vocab_size(), len(tokenizer))
    return Tokenizer(backend.to_str(), size, tokenizer.eos_token_id)


def _room(llm: AsyncLLM) -> KvReservation:
    """A quarter of the places and the KV of one longest request stay free for candidates that do not pause."""
    cache, places = llm.vllm_config.cache_config, llm.vllm_config.scheduler_config.max_num_seqs
    tokens = (cache.num_gpu_blocks or 0) * cache.block_size
    return KvReservation(places - max(1, places // 4), tokens - llm.model_config.max_model_len)


def _can_seed(llm: AsyncLLM) -> bool:
    """False where vLLM's CPU engine might split a seeded prompt over two steps, which kills it."""
    from vllm.platforms import current_platform

    scheduler = llm.vllm_config.scheduler_config
    whole = (
        not scheduler.enable_chunked_prefill
        and scheduler.max_num_batched_tokens >= llm.model_config.max_model_len
    )
    return whole or not current_platform.is_cpu()


def _nothing(timeout: float | None = None) -> None:
    """A shutdown that has been done already."""
