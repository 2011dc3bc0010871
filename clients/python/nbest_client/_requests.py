"""What is sent: each call as method, path and JSON body. Pure; what the caller did not set is not sent."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict
from urllib.parse import quote, urlsplit

from nbest_client._candidate_input import CandidateInput
from nbest_client._strategy import AnyStrategy
from nbest_client._version import __version__

Messages = str | Sequence[Mapping[str, object]]
"""A chat as OpenAI writes it (`{"role": …, "content": …}` each); a text is one turn of the user."""


class Sampling(TypedDict, total=False):
    """Fields of a chat request, with the meaning that OpenAI or vLLM gives them.

    Another field is sent as it is: a newer server may know it, and one that does not refuses it by name.
    """

    max_tokens: int
    max_completion_tokens: int
    min_tokens: int
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    top_h: float
    top_h_variant: Literal["paper", "transformers", "authors"]
    presence_penalty: float
    frequency_penalty: float
    repetition_penalty: float
    stop: str | list[str]
    stop_token_ids: list[int]
    ignore_eos: bool
    logit_bias: dict[str, float]
    logprobs: bool
    top_logprobs: int
    seed: int
    response_format: dict[str, Any]
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
    chat_template_kwargs: dict[str, Any]
    thinking_token_budget: int
    include_reasoning: bool
    tools: list[dict[str, Any]]
    tool_choice: Literal["none", "auto", "required"] | dict[str, Any]
    parallel_tool_calls: bool
    user: str
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """One request; without a body it is a GET."""

    path: str
    body: Mapping[str, Any] | None = None

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"

    @property
    def content(self) -> bytes | None:
        """The body as JSON; ValueError for NaN, infinities and lone surrogates, which JSON has no place for."""
        if self.body is None:
            return None
        return json.dumps(self.body, ensure_ascii=False, allow_nan=False).encode()


MODELS = Call("/v1/models")
STRATEGIES = Call("/v1/strategies")
SCORERS = Call("/v1/scorers")


def chat(
    messages: Messages,
    *,
    model: str,
    strategy: AnyStrategy | None,
    n: int,
    sampling: Mapping[str, Any],
    stream: bool = False,
) -> Call:
    """A chat completion. A stream always tells its usage: without it the result would know less than a whole reply."""
    if taken := {"stream", "stream_options"} & sampling.keys():
        raise TypeError(f"{', '.join(sorted(taken))}: call `stream` to have an answer as it is written")
    body: dict[str, Any] = {"model": model, "messages": _messages(messages), "n": n, **sampling}
    if strategy is not None:
        body["strategy"] = strategy.spec()
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return Call("/v1/chat/completions", body)


def score(messages: Messages, texts: Sequence[str], scorer: str | None) -> Call:
    """Texts to be scored as answers to a chat."""
    body: dict[str, Any] = {"messages": _messages(messages), "texts": _several(texts, "texts")}
    return Call("/v1/score", body if scorer is None else body | {"scorer": scorer})


def select(
    candidates: Sequence[CandidateInput], *, strategy: AnyStrategy, messages: Messages | None, k: int
) -> Call:
    """Candidates to be selected from."""
    written = [candidate.model_dump(mode="json", exclude_unset=True) for candidate in candidates]
    body: dict[str, Any] = {"strategy": strategy.spec(), "k": k, "candidates": written}
    return Call("/v1/select", body if messages is None else body | {"messages": _messages(messages)})


def run_events(request_id: str) -> Call:
    """The progress of a request."""
    return Call(f"/v1/runs/{quote(request_id, safe='')}/events")


def _messages(messages: Messages) -> list[Mapping[str, object]]:
    return [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)


def _several(texts: Sequence[str], name: str) -> list[str]:
    """A lone string is a sequence too, of its letters, and never meant."""
    if isinstance(texts, str):
        raise TypeError(f"{name} is a list of texts, not one text")
    return list(texts)


def root(base_url: str) -> str:
    """The address that paths are put after; OpenAI's habit of ending it with `/v1` is understood."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"base_url is the server's address, as http://127.0.0.1:8000; got {base_url!r}")
    return base_url.rstrip("/").removesuffix("/v1")


def headers(api_key: str | None) -> dict[str, str]:
    """What goes along with every request; ValueError for a key that no header can hold."""
    if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
        raise ValueError("api_key holds characters that no header can hold")
    told = {"user-agent": f"nbest-client/{__version__}", "content-type": "application/json"}
    return told if api_key is None else told | {"authorization": f"Bearer {api_key}"}
