"""Live candidates: written in rounds, paused in between at no cost in tokens, forked and dropped at will."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from vllm import SamplingParams
from vllm.v1.engine.exceptions import EngineGenerateError

from service.engine.vllm.outputs import token_logprobs
from service.engine.vllm.requests import PreparedPrompt, Requests
from service.engine.vllm.resumable_request import ResumableRequest, Round
from service.engine.vllm.token_buffer import TokenBuffer
from strategies.base.errors import Unsupported
from strategies.base.types import Candidate, Decoding, FinishReason, Prompt, Stage


@asynccontextmanager
async def open_live(
    requests: Requests, prompt: Prompt, n: int, *, stage: Stage, start: int
) -> AsyncIterator[Sequence["VllmLive"]]:
    """`n` candidates with nothing written yet; leaving the block drops them and all their forks."""
    check_live(prompt.decoding)
    # A session takes no stop strings, so they are looked for here.
    stops = prompt.decoding.stop
    asked = await requests.ask(
        replace(prompt, decoding=replace(prompt.decoding, stop=())), stage, streams=True
    )
    family: list[VllmLive] = []
    family += [VllmLive(requests, asked, stops, index, family) for index in range(start, start + n)]
    try:
        yield tuple(family)
    finally:
        await asyncio.gather(*(live.drop() for live in family))


def check_live(decoding: Decoding) -> None:
    """Unsupported for what vLLM forgets at the end of a round, and so would get wrong without a word."""
    if decoding.presence_penalty:
        raise Unsupported("candidates judged step by step take no presence penalty", param="presence_penalty")
    if decoding.frequency_penalty:
        raise Unsupported(
            "candidates judged step by step take no frequency penalty", param="frequency_penalty"
        )
    if decoding.json_schema is not None:
        raise Unsupported("candidates judged step by step take no JSON schema", param="response_format")


class VllmLive:
    """LiveCandidate over one engine session, or a new one each round where there is no room to hold one.

    `tokens` counts all that was generated for it, also what a cut at a step's end threw away.
    """

    def __init__(
        self,
        requests: Requests,
        asked: PreparedPrompt,
        stops: tuple[str, ...],
        index: int,
        family: list["VllmLive"],
    ) -> None:
        self.index = index
        self.tokens = 0
        self.finish_reason: FinishReason | None = None
        self._requests = requests
        self._asked = asked
        self._stops = stops
        self._family = family
        self._writing = TokenBuffer(requests.tokenizer.vocabulary, asked.ids)
        self._read = self._cached = 0
        self._session: ResumableRequest | None = None
        self._seed: int | None = None
        self._next: list[int] = []
        self._holds = False
        self._last_end = 0

    @property
    def text(self) -> str:
        return self._writing.text

    async def advance(self, max_tokens: int, stop: str | None = None) -> None:
        """Write up to `max_tokens` tokens or to the end of the next `stop`, where the text then ends exactly.

        Nothing happens when it has finished. Cancelling loses the round but not the candidate.
        """
        left, is_at_end = max_tokens, False
        async with self._requests.lock.take("generate"):
            while self.finish_reason is None and left > 0 and not is_at_end:
                begun = len(self.text)
                left -= await self._round(min(left, self._room()), stop)
                is_at_end = await self._settle(stop, begun)
            if self.finish_reason is not None or not self._holds:
                await self._close()

    async def fork(self, index: int) -> "VllmLive":
        """Its twin from here on; it reads the text so far from the prefix cache and draws with its own seed."""
        twin = VllmLive(self._requests, self._asked, self._stops, index, self._family)
        twin.tokens, twin.finish_reason = self.tokens, self.finish_reason
        twin._writing, twin._last_end = self._writing.copy(), self._last_end
        self._family.append(twin)
        return twin

    async def drop(self) -> None:
        self.finish_reason = self.finish_reason or "abort"
        await self._close()

    def candidate(self) -> Candidate:
        writing = self._writing
        has_logprobs = self._asked.decoding.logprobs is not None
        return Candidate(
            self.index,
            writing.text,
            self.tokens,
            self.finish_reason or "abort",
            prompt_tokens=self._read,
            cached_tokens=self._cached,
            token_ids=tuple(writing.ids),
            logprob=sum(token.logprob for token in writing.logprobs) if has_logprobs else None,
            logprobs=tuple(writing.logprobs),
            parts=self._asked.parser().whole(writing.text, writing.ids),
        )

    async def _round(self, max_tokens: int, stop: str | None) -> int:
        """Write on in the session; returns how many tokens were generated."""
        completing = await self._completing(stop)
        if self.finish_reason is not None:
            # Dropped in the meantime: a session begun now would run to its end with nobody waiting.
            return 0
        is_new = self._session is None
        session = self._session or self._begin()
        try:
            written = await session.round(self._next, self._params(max_tokens, completing))
        except EngineGenerateError:
            self.finish_reason = "error"
            return 0
        except BaseException:
            await self._close()
            raise
        # Later rounds read one token, and report all that is held as cached.
        self._cached += written.cached if is_new else 0
        self._take(written, completing)
        return len(written.ids)

    def _begin(self) -> ResumableRequest:
        """Ask for a session that reads all there is so far; what an earlier one has read is in the prefix cache."""
        asked, written = self._asked, len(self._writing.ids)
        seeded = asked.seeded(self.index, written)
        self._seed = seeded.seed
        self._next = [*asked.ids, *self._writing.ids]
        self._session = ResumableRequest(self._requests.llm, seeded, asked.priority)
        self._holds = self._requests.room.take(self._most_tokens())
        self._read += len(self._next)
        return self._session

    def _params(self, max_tokens: int, completing: frozenset[int]) -> SamplingParams:
        params = self._asked.params.clone()
        params.seed = self._seed
        params.max_tokens = max_tokens
        params.min_tokens = self._missing()
        params.stop_token_ids = sorted({*self._asked.decoding.stop_token_ids, *completing})
        return params

    def _take(self, written: Round, completing: frozenset[int]) -> None:
        """Add a round to the text, and notice if the candidate has ended by itself."""
        self.tokens += len(written.ids)
        stops_itself = written.reason == "stop" and (
            written.ids[-1] not in completing or written.ids[-1] in self._asked.decoding.stop_token_ids
        )
        if stops_itself or written.reason in ("abort", "error"):
            self.finish_reason = self.finish_reason or written.reason
        logprobs = [
            token
            for output in written.outputs
            for token in token_logprobs(output, self._asked.decoding.logprobs)
        ]
        self._writing.append(written.ids, logprobs, is_whole=self.finish_reason is not None)
        self._next = written.ids[-1:]

    async def _settle(self, stop: str | None, begun: int) -> bool:
        """Cut the text where a stop string of the request or the step's end says so; True at a step's end."""
        text = self.text
        ends = [text.find(s, max(0, begun - len(s) + 1)) for s in self._stops]
        end = min((at for at in ends if at >= 0), default=None)
        step = _end_of(stop, text, max(self._last_end, begun - len(stop) + 1)) if stop else None
        if end is not None and (step is None or end < step):
            self._writing.cut(end)
            self.finish_reason = "stop"
        elif step is not None:
            await self._cut_step(step)
        if self.finish_reason is None and self._room() <= 0:
            self.finish_reason = "length"
        return step is not None

    async def _cut_step(self, end: int) -> None:
        self._last_end = end
        if end == len(self.text):
            return
        before = len(self._writing.ids)
        kept = self._writing.cut(end)
        self.finish_reason = None
        self._next = self._writing.ids[kept:]
        # Only the last token sampled can be replaced in a session: the KV of the others is computed.
        if kept != before - 1 or not self._next:
            await self._close()

    async def _close(self) -> None:
        session, self._session = self._session, None
        if self._holds:
            self._holds = False
            self._requests.room.give_back(self._most_tokens())
        if session is not None:
            await session.aclose()

    async def _completing(self, stop: str | None) -> frozenset[int]:
        """Tokens after which to look at the text; none while stop tokens are masked by `min_tokens`."""
        stops = [*self._stops, stop] if stop else list(self._stops)
        if not stops or self._missing():
            return frozenset()
        # The first time this reads the whole vocabulary.
        found = await asyncio.to_thread(lambda: [self._writing.vocabulary.completing(s) for s in stops])
        return frozenset().union(*found)

    def _missing(self) -> int:
        return max(0, self._asked.decoding.min_tokens - len(self._writing.ids))

    def _room(self) -> int:
        return self._most_tokens() - len(self._asked.ids) - len(self._writing.ids)

    def _most_tokens(self) -> int:
        """The longest that prompt and answer can become."""
        longest: int = self._requests.llm.model_config.max_model_len
        most = self._asked.decoding.max_tokens
        return longest if most is None else min(longest, len(self._asked.ids) + most)


def _end_of(stop: str, text: str, start: int) -> int | None:
    at = text.find(stop, max(0, start))
    return None if at < 0 else at + len(stop)
