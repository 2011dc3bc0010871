"""An engine that plays a script: for development, demonstrations and tests, with no model and no vLLM."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace

from service.engine.ports import EngineInfo, TextLogprobs
from service.engine.response_parser import CallsParser, ResponseParser, ThinkParser
from service.engine.scripted.script import (
    FAIL,
    Script,
    _cut,
    _logprob,
    _logprobs,
    arithmetic,
    count_prompt_tokens,
    words,
)
from strategies.base.concurrency import each_as_it_ends
from strategies.base.errors import EngineFailed, PromptTooLong
from strategies.base.ports import Delta, LiveCandidate, OnDelta
from strategies.base.types import Candidate, FinishReason, Parts, Prompt, Stage
from strategies.parts.thinking import split_thinking


@dataclass(slots=True)
class ScriptedEngine:
    """Plays `script`, a token a word, `token_s` seconds a token; counts what it generates as vLLM does.

    `dead` makes every call raise EngineFailed; `unfinished` is the number of candidates in flight.
    """

    script: Script = arithmetic
    token_s: float = 0.0
    info: EngineInfo = field(default_factory=lambda: EngineInfo("scripted", "scripted", 8192))
    dead: bool = False
    prompt_tokens: int = 0
    generation_tokens: int = 0
    unfinished: int = 0

    def sample(
        self,
        prompt: Prompt,
        n: int,
        *,
        stage: Stage = "sample",
        start: int = 0,
        on_delta: OnDelta | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[Candidate]]:
        self._check(prompt)
        return each_as_it_ends(self._play(prompt, index, on_delta) for index in range(start, start + n))

    @contextlib.asynccontextmanager
    async def open(
        self, prompt: Prompt, n: int, *, stage: Stage = "sample", start: int = 0
    ) -> AsyncIterator[Sequence[LiveCandidate]]:
        self._check(prompt)
        opened: list[ScriptedLive] = []
        opened.extend(ScriptedLive(self, prompt, index, opened) for index in range(start, start + n))
        self.unfinished += n
        try:
            yield tuple(opened)
        finally:
            for live in list(opened):
                await live.drop()

    @property
    def vocabulary(self) -> int:
        return 2

    async def read(
        self, prompt: Prompt, texts: Sequence[str], *, alternatives: int = 0
    ) -> list[TextLogprobs]:
        """Each word as its log-probability is in the script; the only other token of the vocabulary has the rest."""
        self._check(prompt)
        read = []
        for text in texts:
            tokens = count_prompt_tokens(prompt) + len(text.split())
            self.prompt_tokens += tokens
            self.generation_tokens += 1
            logprobs = tuple(_logprob(word) for word in words(text))
            tops = tuple((value, math.log(-math.expm1(value)))[:alternatives] for value in logprobs)
            read.append(TextLogprobs(logprobs, tops if alternatives else (), tokens, 1))
        return read

    async def check_health(self) -> None:
        if self.dead:
            raise EngineFailed("the scripted engine was told to be dead")

    async def ping(self) -> None:
        await self.check_health()

    def kill(self) -> None:
        self.dead = True

    async def aclose(self) -> None:
        self.dead = True

    def _check(self, prompt: Prompt) -> None:
        if self.dead:
            raise EngineFailed("the scripted engine was told to be dead")
        tokens = count_prompt_tokens(prompt)
        if tokens >= self.info.max_model_len:
            field = "messages" if prompt.text is None else "prompt"
            raise PromptTooLong.by(tokens, self.info.max_model_len, param=field)

    async def _play(self, prompt: Prompt, index: int, on_delta: OnDelta | None) -> Candidate:
        text = self.script(prompt, index)
        if text.startswith(FAIL):
            return Candidate(index, "", 0, "error")
        tokens, finish_reason = _cut(text, prompt)
        prompt_tokens = count_prompt_tokens(prompt)
        self.prompt_tokens += prompt_tokens
        self.unfinished += 1
        parser = _parser(prompt)
        try:
            for i, token in enumerate(tokens, start=1):
                await asyncio.sleep(self.token_s)
                self.generation_tokens += 1
                if on_delta is not None:
                    parts = parser.feed(token, (), ended=i == len(tokens))
                    on_delta(Delta(index, token, 1, _logprobs([token], prompt), parts, prompt_tokens))
        finally:
            self.unfinished -= 1
        logprobs = _logprobs(tokens, prompt)
        total = sum(item.logprob for item in logprobs) if logprobs else None
        return Candidate(
            index,
            "".join(tokens),
            len(tokens),
            finish_reason,
            prompt_tokens,
            logprob=total,
            logprobs=logprobs,
            parts=_parser(prompt).whole("".join(tokens), range(len(tokens))),
        )


class _WordParser(ThinkParser):
    """Splits at the tags, and counts words."""

    def whole(self, text: str, ids: Sequence[int]) -> Parts:
        parts = split_thinking(text)
        return replace(parts, reasoning_tokens=len(words(parts.reasoning or "")))


def _parser(prompt: Prompt) -> ResponseParser:
    parser = _WordParser(lambda ids, length: 0)
    return parser if prompt.tools is None else CallsParser(parser, prompt.tools)


@dataclass(slots=True)
class ScriptedLive:
    """A live candidate of the script: `fork` continues with the script of the new index."""

    engine: ScriptedEngine
    prompt: Prompt
    index: int
    siblings: "list[ScriptedLive]"
    text: str = ""
    tokens: int = 0
    finish_reason: FinishReason | None = None
    prompt_tokens: int = 0

    async def advance(self, max_tokens: int, stop: str | None = None) -> None:
        self._read_prompt()
        script = self.engine.script(self.prompt, self.index)
        tokens, reason = ([], "error") if script.startswith(FAIL) else _cut(script, self.prompt)
        coming = tokens[self.tokens :]
        for token in coming[:max_tokens]:
            await asyncio.sleep(self.engine.token_s)
            if self.finish_reason is not None:
                return
            self.engine.generation_tokens += 1
            self.text += token
            self.tokens += 1
            if stop is not None and self.text.endswith(stop):
                return
        if len(coming) <= max_tokens and self.finish_reason is None:
            self._end(reason)

    async def fork(self, index: int) -> "ScriptedLive":
        twin = ScriptedLive(
            self.engine, self.prompt, index, self.siblings, self.text, self.tokens, self.finish_reason
        )
        self.siblings.append(twin)
        self.engine.unfinished += self.finish_reason is None
        return twin

    async def drop(self) -> None:
        if self.finish_reason is None:
            self._end("abort")

    def candidate(self) -> Candidate:
        logprobs = _logprobs(words(self.text), self.prompt)
        return Candidate(
            self.index,
            self.text,
            self.tokens,
            self.finish_reason or "abort",
            self.prompt_tokens,
            logprob=sum(item.logprob for item in logprobs) if logprobs else None,
            logprobs=logprobs,
            parts=_parser(self.prompt).whole(self.text, range(self.tokens)),
        )

    def _read_prompt(self) -> None:
        """Before its first token; a fork finds all there is in its parent's cache."""
        if not self.tokens and not self.prompt_tokens:
            self.prompt_tokens = count_prompt_tokens(self.prompt)
            self.engine.prompt_tokens += self.prompt_tokens

    def _end(self, reason: FinishReason) -> None:
        self.finish_reason = reason
        self.engine.unfinished -= 1
