"""Plain completions: the request's fields, and the reply, whole or in chunks."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, model_validator

from service.metering.run import RunResult
from service.protocol.chunks import ChunkStream
from service.protocol.explanation import explanation
from service.protocol.sampling import SamplingFields, finish_reason
from service.protocol.usage import usage
from strategies.base.field_errors import WrongField
from strategies.base.ports import Delta
from strategies.base.types import Candidate, Prompt, TokenLogprob, floored


class CompletionRequest(SamplingFields):
    """`POST /v1/completions`: OpenAI's fields, vLLM's sampling fields, and `strategy`."""

    refused: ClassVar[dict[str, str]] = {
        "best_of": 'use the strategy {"name": "best_of_n"}',
        "suffix": "the served model does not fill in the middle",
    }
    neutral: ClassVar[dict[str, tuple[Any, ...]]] = {"best_of": (1,), "suffix": ("",)}

    prompt: str | list[str] = Field(description="The text to continue: one prompt a request.")
    max_tokens: int | None = Field(16, ge=1)
    logprobs: int | None = Field(None, ge=0, le=20)
    echo: bool | None = False

    @classmethod
    def asks_for_nothing(cls, name: str, fields: Mapping[str, Any]) -> bool:
        """The best of as many as are returned are all of them."""
        if name == "best_of" and fields[name] == fields.get("n") and fields[name] is not True:
            return True
        return super().asks_for_nothing(name, fields)

    @model_validator(mode="after")
    def _consistent(self) -> "CompletionRequest":
        if isinstance(self.prompt, list) and len(self.prompt) != 1:
            raise WrongField("prompt", "one prompt a request; send several requests for several prompts")
        if self.echo and self.logprobs is not None:
            raise WrongField(
                "echo",
                "echo with logprobs is not supported: the prompt's own log-probabilities are not computed",
            )
        return self

    @property
    def text(self) -> str:
        return self.prompt if isinstance(self.prompt, str) else self.prompt[0]

    def to_prompt(self, defaults: dict[str, float], default_max_tokens: int) -> Prompt:
        """The question as strategies see it."""
        max_tokens = self.max_tokens if self.max_tokens is not None else default_max_tokens
        return Prompt(
            text=self.text, decoding=self.decoding(defaults, max_tokens, self.logprobs), k=self.choices
        )


def completion(run: RunResult, *, id: str, model: str, fingerprint: str, echo: str) -> dict[str, Any]:
    """The whole answer as one text_completion object; `echo` is put before each choice."""
    choices = [_choice(i, c, echo) for i, c in enumerate(run.outcome.answers)]
    return _head(id, model, fingerprint) | {"choices": choices, "usage": usage(run)} | explanation(run)


def _choice(index: int, candidate: Candidate, echo: str) -> dict[str, Any]:
    logprobs = _logprobs(candidate.logprobs, 0) if candidate.logprobs else None
    return _chunk_choice(index, echo + candidate.text, logprobs, finish_reason(candidate.finish_reason))


class CompletionStream(ChunkStream):
    """The chunks of one streamed plain completion; `echo` comes before the text of each choice."""

    def __init__(self, *, id: str, model: str, fingerprint: str, echo: str, usage: tuple[bool, bool]) -> None:
        super().__init__(_head(id, model, fingerprint), *usage)
        self._echo = echo
        self._offsets: Counter[int] = Counter()

    def opening(self, n: int) -> list[dict[str, Any]]:
        return [self._chunk(i, self._echo) for i in range(n)] if self._echo else []

    def piece(self, index: int, new: Candidate | Delta) -> list[dict[str, Any]]:
        logprobs = _logprobs(new.logprobs, self._offsets[index]) if new.logprobs else None
        self._offsets[index] += sum(len(item.token) for item in new.logprobs)
        return [self._chunk(index, new.text, logprobs)]

    def closing(self, index: int, candidate: Candidate) -> dict[str, Any]:
        return self._chunk(index, "", reason=finish_reason(candidate.finish_reason))

    def _chunk(
        self, index: int, text: str, logprobs: dict[str, Any] | None = None, reason: str | None = None
    ) -> dict[str, Any]:
        return self.head | {"choices": [_chunk_choice(index, text, logprobs, reason)]}


def _chunk_choice(
    index: int, text: str, logprobs: dict[str, Any] | None, reason: str | None
) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}


def _head(id: str, model: str, fingerprint: str) -> dict[str, Any]:
    head = {"id": id, "object": "text_completion", "created": int(time.time()), "model": model}
    return head | {"system_fingerprint": fingerprint}


def _logprobs(logprobs: Sequence[TokenLogprob], at: int) -> dict[str, Any]:
    """OpenAI's older shape: parallel lists; offsets count characters since the answer began, `at` for the first."""
    offsets: list[int] = []
    for item in logprobs:
        offsets.append(at)
        at += len(item.token)
    return {
        "tokens": [item.token for item in logprobs],
        "token_logprobs": [floored(item.logprob) for item in logprobs],
        "top_logprobs": [{token: floored(p) for token, _, p in item.top} for item in logprobs],
        "text_offset": offsets,
    }
