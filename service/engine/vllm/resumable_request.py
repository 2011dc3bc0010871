"""One candidate's place in the engine between rounds: what it has read stays in the KV cache while it waits."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from vllm import SamplingParams
from vllm.engine.protocol import StreamingInput
from vllm.inputs import tokens_input
from vllm.outputs import CompletionOutput
from vllm.v1.engine.async_llm import AsyncLLM

from service.engine.vllm.errors import translated
from service.engine.vllm.outputs import finish_reason
from service.keys.caller import current
from strategies.base.types import FinishReason


@dataclass(slots=True)
class Round:
    """What one round has written: token ids, vLLM's items, why it ended, and what of its input was cached."""

    ids: list[int] = field(default_factory=list)
    outputs: list[CompletionOutput] = field(default_factory=list)
    reason: FinishReason = "abort"
    cached: int = 0


class ResumableRequest:
    """A resumable request to vLLM (`StreamingInput`), which sits paused between its rounds.

    vLLM keeps no KV for the last token it sampled and forgets the token, so the caller feeds it back (or
    another in its place) to begin the next round. While paused it holds its KV and one of `max_num_seqs` places.
    """

    def __init__(self, llm: AsyncLLM, params: SamplingParams, priority: int) -> None:
        self._llm = llm
        self._id = secrets.token_hex(8)
        self._inputs: asyncio.Queue[StreamingInput] = asyncio.Queue()
        self._items = llm.generate(self._source(), params, self._id, priority=priority)
        self._is_running = False

    async def round(self, ids: list[int], params: SamplingParams) -> Round:
        """Read `ids`, then write until `params` say stop. EngineFailed if the engine is lost."""
        written = Round()
        self._inputs.put_nowait(StreamingInput(tokens_input(ids, cache_salt=current().cache_salt), params))
        self._is_running = True
        try:
            with translated():
                async for item in self._items:
                    output = item.outputs[0]
                    written.ids += output.token_ids
                    written.outputs.append(output)
                    written.cached = max(written.cached, item.num_cached_tokens or 0)
                    if output.finish_reason is not None:
                        written.reason = finish_reason(output)
                        break
        finally:
            self._is_running = False
        return written

    async def aclose(self) -> None:
        """Abort the request and free what it holds; a round in progress ends as `abort`."""
        if self._is_running:
            await self._llm.abort(self._id)
        else:
            await self._items.aclose()

    async def _source(self) -> AsyncGenerator[StreamingInput, None]:
        while True:
            yield await self._inputs.get()
