"""Chat completions: the request's fields, and the reply, whole or in chunks."""

import time
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field, model_validator

from service.metering.run import RunResult
from service.protocol.chunks import ChunkStream
from service.protocol.explanation import explanation
from service.protocol.messages import ChatMessage
from service.protocol.sampling import SamplingFields, finish_reason
from service.protocol.usage import usage
from strategies.base.errors import InvalidRequest
from strategies.base.types import Candidate, Prompt, TokenLogprob

_LATER = "tool calls are not served"
_LABEL = "requests are not stored"


class ChatRequest(SamplingFields):
    """`POST /v1/chat/completions`: OpenAI's fields, vLLM's sampling fields, and `strategy`."""

    refused: ClassVar[dict[str, str]] = {
        "tools": _LATER,
        "tool_choice": _LATER,
        "parallel_tool_calls": _LATER,
        "functions": _LATER,
        "function_call": _LATER,
        "audio": "only text is served",
        "modalities": "only text is served",
        "prediction": "predicted outputs are not served",
        "reasoning_effort": "the served model has no reasoning levels",
        "verbosity": "the served model has no verbosity levels",
        "web_search_options": "the service reaches nothing outside",
        "store": _LABEL,
        "service_tier": "there is one tier",
        "prompt_cache_key": "the prefix cache is not addressable",
        "prompt_cache_retention": "the prefix cache is not addressable",
        "safety_identifier": "use `user`",
    }
    neutral: ClassVar[dict[str, tuple[Any, ...]]] = {
        "tools": ([],),
        "tool_choice": ("none",),
        "parallel_tool_calls": (True, False),
        "functions": ([],),
        "function_call": ("none",),
        "modalities": (["text"],),
        "store": (False,),
        "service_tier": ("auto", "default"),
    }

    messages: list[ChatMessage] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1, description="The newer name of max_tokens.")
    logprobs: bool = False
    top_logprobs: int | None = Field(None, ge=0, le=20)

    @model_validator(mode="after")
    def _consistent(self) -> "ChatRequest":
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs to be true")
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options needs stream to be true")
        return self

    def prompt(self, defaults: dict[str, float], default_max_tokens: int) -> Prompt:
        """The question as strategies see it."""
        limits = {self.max_tokens, self.max_completion_tokens} - {None}
        if len(limits) > 1:
            raise InvalidRequest("max_tokens and max_completion_tokens differ; send one", param="max_tokens")
        max_tokens = limits.pop() if limits else default_max_tokens
        logprobs = (self.top_logprobs or 0) if self.logprobs else None
        messages = tuple(message.message() for message in self.messages)
        return Prompt(messages, decoding=self.decoding(defaults, max_tokens, logprobs), k=self.n)


def completion(run: RunResult, *, id: str, model: str, fingerprint: str, logprobs: bool) -> dict[str, Any]:
    """The whole answer as one ChatCompletion object."""
    choices = [_choice(i, c, logprobs=logprobs) for i, c in enumerate(run.outcome.answers)]
    head = _head("chat.completion", id, model, fingerprint)
    return head | {"choices": choices, "usage": usage(run)} | explanation(run)


def _choice(index: int, candidate: Candidate, *, logprobs: bool) -> dict[str, Any]:
    return {
        "index": index,
        "message": {"role": "assistant", "content": candidate.text, "refusal": None},
        "logprobs": _logprobs(candidate.logprobs) if logprobs else None,
        "finish_reason": finish_reason(candidate.finish_reason),
    }


class ChatStream(ChunkStream):
    """The chunks of one streamed chat completion."""

    def __init__(self, *, id: str, model: str, fingerprint: str, logprobs: bool, include_usage: bool) -> None:
        super().__init__(_head("chat.completion.chunk", id, model, fingerprint), include_usage=include_usage)
        self._logprobs = logprobs

    def opening(self, n: int) -> list[dict[str, Any]]:
        return [self._chunk(i, {"role": "assistant", "content": ""}) for i in range(n)]

    def text(self, index: int, text: str, logprobs: Sequence[TokenLogprob]) -> dict[str, Any]:
        return self._chunk(index, {"content": text}, logprobs)

    def closing(self, index: int, reason: str) -> dict[str, Any]:
        return self._chunk(index, {}, reason=finish_reason(reason))

    def _chunk(
        self,
        index: int,
        delta: dict[str, Any],
        logprobs: Sequence[TokenLogprob] = (),
        reason: str | None = None,
    ) -> dict[str, Any]:
        told = _logprobs(logprobs) if self._logprobs and logprobs else None
        return self.head | {
            "choices": [{"index": index, "delta": delta, "logprobs": told, "finish_reason": reason}]
        }


def _head(object: str, id: str, model: str, fingerprint: str) -> dict[str, Any]:
    return {
        "id": id,
        "object": object,
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": fingerprint,
    }


def _logprobs(logprobs: Sequence[TokenLogprob]) -> dict[str, Any]:
    content = [
        _token(item.token, item.logprob) | {"top_logprobs": [_token(token, p) for token, _, p in item.top]}
        for item in logprobs
    ]
    return {"content": content, "refusal": None}


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": max(logprob, -9999.0), "bytes": list(token.encode())}
