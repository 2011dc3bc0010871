"""Chat completions: the request's fields, and the reply, whole or in chunks."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from service.engine.tokenizer.template_variables import OURS
from service.metering.run import RunResult
from service.protocol.chunks import ChunkStream
from service.protocol.explanation import explanation
from service.protocol.messages import ChatMessage
from service.protocol.sampling import SamplingFields, finish_reason
from service.protocol.tools import Choice, Tool, calls_out, tools_of
from service.protocol.usage import usage
from strategies.base.errors import InvalidRequest
from strategies.base.field_errors import WrongField
from strategies.base.ports import Delta
from strategies.base.types import Candidate, Prompt, TokenLogprob, Tools, floored

_LATER = "it is OpenAI's older form; send `tools`"
_LABEL = "requests are not stored"


class ChatRequest(SamplingFields):
    """`POST /v1/chat/completions`: OpenAI's fields, vLLM's sampling fields, and `strategy`."""

    refused: ClassVar[dict[str, str]] = {
        "functions": _LATER,
        "function_call": _LATER,
        "audio": "only text is served",
        "modalities": "only text is served",
        "prediction": "predicted outputs are not served",
        "verbosity": "the served model has no verbosity levels",
        "web_search_options": "the service reaches nothing outside",
        "store": _LABEL,
        "service_tier": "there is one tier",
        "prompt_cache_key": "the prefix cache is not addressable",
        "prompt_cache_options": "the prefix cache is not addressable",
        "prompt_cache_retention": "the prefix cache is not addressable",
        "moderation": "nothing is moderated here",
        "safety_identifier": "use `user`",
    }
    neutral: ClassVar[dict[str, tuple[Any, ...]]] = {
        "functions": ([],),
        "function_call": ("none",),
        "modalities": (["text"],),
        "store": (False,),
        "service_tier": ("auto", "default"),
        "verbosity": ("medium",),
        "prompt_cache_key": ("",),
        "prompt_cache_options": ({}, {"mode": "implicit"}),
        "prompt_cache_retention": ("in_memory",),
        "safety_identifier": ("",),
    }

    messages: list[ChatMessage] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1, description="The newer name of max_tokens.")
    logprobs: bool | None = False
    top_logprobs: int | None = Field(None, ge=0, le=20)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = Field(
        None, description="How long the model thinks, where its chat template knows of it."
    )
    chat_template_kwargs: dict[str, Any] | None = Field(
        None,
        max_length=32,
        description="vLLM's: variables of the model's chat template, as `enable_thinking`.",
    )
    thinking_token_budget: int | None = Field(
        None,
        ge=0,
        description="vLLM's: tokens after which thinking is ended; needs `engine.reasoning_parser`.",
    )
    include_reasoning: bool | None = Field(
        True, description="vLLM's: whether the reply tells what was thought."
    )
    tools: list[Tool] | None = Field(None, max_length=128, description="Functions that the model may call.")
    tool_choice: Choice | None = Field(
        None, description="Whether it must, or which (default: auto with tools)."
    )
    parallel_tool_calls: bool | None = Field(None, description="Whether it may call several at once.")

    @model_validator(mode="after")
    def _consistent(self) -> "ChatRequest":
        if self.top_logprobs and not self.logprobs:
            raise WrongField("top_logprobs", "top_logprobs needs logprobs to be true")
        return self

    @property
    def tells_reasoning(self) -> bool:
        return self.include_reasoning is not False

    def asks_for(self, name: str) -> bool:
        """Without tools that may be called, the fields about them ask for nothing."""
        if name in ("tools", "tool_choice", "parallel_tool_calls"):
            return bool(self.tools) and self.tool_choice != "none" and name in self.model_fields_set
        return super().asks_for(name)

    def _tools(self) -> Tools | None:
        tools = tools_of(self.tools or (), self.tool_choice, parallel=self.parallel_tool_calls is not False)
        if (
            tools is not None
            and tools.choice in ("required", "named")
            and super().asks_for("response_format")
        ):
            message = "response_format is for what is said, and tool_choice asks for a call instead"
            raise InvalidRequest(message, param="response_format")
        return tools

    def prompt(self, defaults: dict[str, float], default_max_tokens: int) -> Prompt:
        """The question as strategies see it."""
        limits = {self.max_tokens, self.max_completion_tokens} - {None}
        if len(limits) > 1:
            raise InvalidRequest("max_tokens and max_completion_tokens differ; send one", param="max_tokens")
        max_tokens = limits.pop() if limits else default_max_tokens
        logprobs = (self.top_logprobs or 0) if self.logprobs else None
        messages = tuple(message.message() for message in self.messages)
        decoding = self.decoding(defaults, max_tokens, logprobs)
        return Prompt(
            messages,
            decoding=replace(decoding, thinking_token_budget=self.thinking_token_budget),
            k=self.choices,
            template_kwargs=_template_kwargs(self.chat_template_kwargs or {}),
            reasoning_effort=self.reasoning_effort,
            tools=self._tools(),
        )


def _template_kwargs(given: dict[str, Any]) -> dict[str, Any]:
    """The variables of the template that are a caller's to set; which of them there are, the template says."""
    if taken := sorted(given.keys() & OURS):
        message = f"{taken[0]} is not a variable of the chat template that a request may set"
        raise InvalidRequest(message, param=f"chat_template_kwargs.{taken[0]}")
    return given


@dataclass(frozen=True, slots=True)
class ReplyFields:
    """What a reply tells beside the answers: who gives it, and what the request asked to see."""

    id: str
    model: str
    fingerprint: str
    logprobs: bool = False
    reasoning: bool = True
    named_tool: bool = False

    def finish_reason(self, candidate: Candidate) -> str:
        """As OpenAI has it: of a call that the request itself named the reason is `stop`."""
        if candidate.tool_calls and candidate.finish_reason == "stop" and not self.named_tool:
            return "tool_calls"
        return finish_reason(candidate.finish_reason)


def completion(run: RunResult, fields: ReplyFields) -> dict[str, Any]:
    """The whole answer as one ChatCompletion object."""
    choices = [_choice(i, c, fields) for i, c in enumerate(run.outcome.answers)]
    head = _head("chat.completion", fields)
    return head | {"choices": choices, "usage": usage(run)} | explanation(run)


def _choice(index: int, candidate: Candidate, fields: ReplyFields) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": candidate.content, "refusal": None}
    if candidate.reasoning is not None or candidate.tool_calls:
        message["content"] = candidate.content or None
    if candidate.reasoning is not None and fields.reasoning:
        message |= _reasoning(candidate.reasoning)
    message |= calls_out(candidate.tool_calls)
    return {
        "index": index,
        "message": message,
        "logprobs": _logprobs(candidate.logprobs) if fields.logprobs else None,
        "finish_reason": fields.finish_reason(candidate),
    }


def _reasoning(thought: str) -> dict[str, str]:
    """vLLM's name, and the older one that many clients read."""
    return {"reasoning": thought, "reasoning_content": thought}


class ChatStream(ChunkStream):
    """The chunks of one streamed chat completion."""

    def __init__(self, fields: ReplyFields, *, usage: tuple[bool, bool]) -> None:
        super().__init__(_head("chat.completion.chunk", fields), *usage)
        self._fields = fields

    def opening(self, n: int) -> list[dict[str, Any]]:
        return [self._chunk(i, {"role": "assistant", "content": ""}) for i in range(n)]

    def piece(self, index: int, new: Candidate | Delta) -> list[dict[str, Any]]:
        """One chunk; none where nothing is to be told, as of a token that is a tag."""
        delta: dict[str, Any] = {"content": new.content} if new.content else {}
        if new.reasoning and self._fields.reasoning:
            delta |= _reasoning(new.reasoning)
        delta |= calls_out(new.tool_calls, streamed=True)
        if not delta and not (new.logprobs and self._fields.logprobs):
            return []
        return [self._chunk(index, delta, new.logprobs)]

    def closing(self, index: int, candidate: Candidate) -> dict[str, Any]:
        return self._chunk(index, {}, reason=self._fields.finish_reason(candidate))

    def _chunk(
        self,
        index: int,
        delta: dict[str, Any],
        logprobs: Sequence[TokenLogprob] = (),
        reason: str | None = None,
    ) -> dict[str, Any]:
        told = _logprobs(logprobs) if self._fields.logprobs and logprobs else None
        return self.head | {
            "choices": [{"index": index, "delta": delta, "logprobs": told, "finish_reason": reason}]
        }


def _head(object: str, fields: ReplyFields) -> dict[str, Any]:
    return {
        "id": fields.id,
        "object": object,
        "created": int(time.time()),
        "model": fields.model,
        "system_fingerprint": fields.fingerprint,
    }


def _logprobs(logprobs: Sequence[TokenLogprob]) -> dict[str, Any]:
    content = [
        _token(item.token, item.logprob) | {"top_logprobs": [_token(token, p) for token, _, p in item.top]}
        for item in logprobs
    ]
    return {"content": content, "refusal": None}


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": floored(logprob), "bytes": list(token.encode())}
