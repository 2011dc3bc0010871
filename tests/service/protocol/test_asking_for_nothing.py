"""null, and values that ask for nothing, are as if left out; OpenAI's own types say where null may stand."""

from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest
from openai.types import completion_create_params
from openai.types.chat import completion_create_params as chat_create_params

from service.protocol.chat import ChatRequest
from service.protocol.completions import CompletionRequest
from service.protocol.sampling import SamplingFields
from strategies.base.errors import Unsupported
from strategies.base.types import Prompt

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "a"}]}
PLAIN: dict[str, Any] = {"model": "m", "prompt": "a"}

NOT_HERE = {"prompt"}
"""At OpenAI a null prompt starts a document; vLLM has no such thing, and neither have we."""


def nullable(*shapes: Any) -> set[str]:
    """The fields in which OpenAI's own types allow null."""
    hints = [hint for shape in shapes for hint in get_type_hints(shape).items()]
    return {name for name, hint in hints if NoneType in get_args(hint)} - NOT_HERE


CHAT_FIELDS = nullable(
    chat_create_params.CompletionCreateParamsNonStreaming, chat_create_params.CompletionCreateParamsStreaming
)
PLAIN_FIELDS = nullable(
    completion_create_params.CompletionCreateParamsNonStreaming,
    completion_create_params.CompletionCreateParamsStreaming,
)


def prompt(kind: type[SamplingFields], fields: dict[str, Any]) -> Prompt:
    if kind is ChatRequest:
        return ChatRequest.model_validate(CHAT | fields).prompt({}, 9)
    return CompletionRequest.model_validate(PLAIN | fields).to_prompt({}, 9)


def test_openais_types_are_read() -> None:
    assert {
        "n",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "stream",
        "stop",
        "moderation",
    } <= CHAT_FIELDS
    assert {"n", "echo", "suffix", "best_of", "logprobs", "stream", "max_tokens"} <= PLAIN_FIELDS


@pytest.mark.parametrize("field", sorted(CHAT_FIELDS))
def test_null_in_a_chat_is_as_if_left_out(field: str) -> None:
    assert prompt(ChatRequest, {field: None}) == prompt(ChatRequest, {})


@pytest.mark.parametrize("field", sorted(PLAIN_FIELDS - {"max_tokens"}))
def test_null_in_a_completion_is_as_if_left_out(field: str) -> None:
    assert prompt(CompletionRequest, {field: None}) == prompt(CompletionRequest, {})


def test_null_max_tokens_is_the_services_default() -> None:
    assert prompt(CompletionRequest, {"max_tokens": None}).decoding.max_tokens == 9


@pytest.mark.parametrize(
    "field", ["min_tokens", "stop_token_ids", "ignore_eos", "top_k", "min_p", "repetition_penalty"]
)
@pytest.mark.parametrize("kind", [ChatRequest, CompletionRequest])
def test_null_in_vllms_fields_is_as_if_left_out(kind: type[SamplingFields], field: str) -> None:
    assert prompt(kind, {field: None}) == prompt(kind, {})


NOTHING: list[dict[str, Any]] = [
    {"top_logprobs": 0},
    {"top_logprobs": 0, "logprobs": False},
    {"stream": True, "stream_options": {"include_obfuscation": False}},
    {"stream": True, "stream_options": {"include_usage": None}},
    {"stream_options": {}},
    {"stream_options": {"include_usage": False, "continuous_usage_stats": False}},
    {"verbosity": "medium"},
    {"service_tier": "default"},
    {"prompt_cache_retention": "in_memory"},
    {"prompt_cache_key": ""},
    {"safety_identifier": ""},
    {"prompt_cache_options": {}},
    {"parallel_tool_calls": False},
    {"metadata": {}},
    {"logit_bias": {}},
    {"stop": []},
]


@pytest.mark.parametrize("fields", NOTHING, ids=str)
def test_a_value_that_asks_for_nothing_is_taken(fields: dict[str, Any]) -> None:
    assert prompt(ChatRequest, fields) == prompt(ChatRequest, {})


@pytest.mark.parametrize(
    ("fields", "choices"),
    [
        ({"suffix": ""}, 1),
        ({"best_of": 1}, 1),
        ({"n": 3, "best_of": 3}, 3),
        ({"echo": False}, 1),
        ({"logprobs": None}, 1),
    ],
    ids=str,
)
def test_a_value_that_asks_for_nothing_is_taken_in_a_completion(fields: dict[str, Any], choices: int) -> None:
    assert prompt(CompletionRequest, fields) == prompt(CompletionRequest, {"n": choices})


@pytest.mark.parametrize(
    ("kind", "fields", "param"),
    [
        (ChatRequest, {"verbosity": "low"}, "verbosity"),
        (ChatRequest, {"service_tier": "flex"}, "service_tier"),
        (ChatRequest, {"prompt_cache_key": "a"}, "prompt_cache_key"),
        (ChatRequest, {"store": 0}, "store"),
        (ChatRequest, {"moderation": {"model": "m"}}, "moderation"),
        (CompletionRequest, {"suffix": "x"}, "suffix"),
        (CompletionRequest, {"best_of": 2}, "best_of"),
        (CompletionRequest, {"best_of": True}, "best_of"),
        (CompletionRequest, {"n": 2, "best_of": 3}, "best_of"),
        (CompletionRequest, {"n": True, "best_of": True}, "best_of"),
    ],
    ids=str,
)
def test_a_value_that_asks_for_something_is_refused(
    kind: type[SamplingFields], fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(Unsupported) as refused:
        prompt(kind, fields)
    assert refused.value.param == param
