"""No silent drop: what cannot be honoured is refused by name, and what is not JSON never gets that far."""

import json
from typing import Any

import httpx
import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.protocol.chat import ChatRequest
from strategies.base.types import Decoding
from strategies.catalog import CATALOG
from tests.service.fixtures import Running, listening
from tests.service.routes.asking import ASK, BEST, post

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"tools": [{"type": "function"}]}, "tools.0.function"),
    ({"functions": [{}]}, "functions"),
    ({"audio": {"voice": "x"}}, "audio"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"store": True}, "store"),
    ({"reasoning_effort": "much"}, "reasoning_effort"),
    ({"thinking_token_budget": -1}, "thinking_token_budget"),
    ({"chat_template_kwargs": "x"}, "chat_template_kwargs"),
    ({"best_of": 3}, "best_of"),
    ({"chat_template": "{{ x }}"}, "chat_template"),
    ({"prompt_logprobs": 1}, "prompt_logprobs"),
    ({"n": 0}, "n"),
    ({"n": 10**9}, "n"),
    ({"n": "8"}, "n"),
    ({"n": True}, "n"),
    ({"n": 1.5}, "n"),
    ({"n": 65}, "n"),
    ({"temperature": 0, "n": 2}, "temperature"),
    ({"temperature": 0, "strategy": BEST}, "temperature"),
    ({"temperature": -1}, "temperature"),
    ({"strategy": {"name": "best_of_n", "n": 10**9}}, "strategy.n"),
    ({"strategy": {"name": "best_of_n", "n": 65}}, "strategy.n"),
    ({"strategy": {"name": "best_of_n", "scorer": "nobody"}}, "strategy.scorer"),
    ({"max_tokens": 10**9}, "max_tokens"),
    ({"max_tokens": 4000, "strategy": {"name": "best_of_n", "n": 64}}, "max_tokens"),
    ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
    ({"stop": [""]}, "stop"),
    ({"logit_bias": {"a": 1}}, "logit_bias"),
    ({"top_h": 0}, "top_h"),
    ({"top_h": 1.1}, "top_h"),
    ({"top_h": True}, "top_h"),
    ({"top_h": 0.4, "min_p": 0.1}, "min_p"),
    ({"top_h": 0.4, "top_h_variant": "theirs"}, "top_h_variant"),
    ({"top_h_variant": "authors"}, "top_h_variant"),
    ({"min_p": 0.1, "strategy": {"name": "top_h"}}, "min_p"),
    ({"top_h": 0.3, "strategy": {"name": "top_h"}}, "top_h"),
    ({"strategy": {"name": "top_h", "alpha": 0}}, "strategy.alpha"),
    ({"strategy": {"name": "top_h", "variant": "theirs"}}, "strategy.variant"),
    ({"response_format": {"type": "xml"}}, "response_format"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        "messages.0.content",
    ),
    ({"messages": [{"role": "user", "content": "x", "name": 5}]}, "messages.0.name"),
]


@pytest.mark.parametrize(("fields", "param"), REFUSED, ids=lambda value: str(value)[:60])
async def test_what_cannot_be_honoured_is_refused_by_name(
    http: httpx.AsyncClient, shared: Running, fields: dict[str, Any], param: str
) -> None:
    read = shared.engine.prompt_tokens
    response = await post(http, **fields)
    error = response.json()["error"]
    assert response.status_code == (404 if param == "strategy.scorer" else 400)
    assert (error["param"] or "").startswith(param)
    assert set(error) == {"message", "type", "param", "code"}
    assert len(response.content) <= 4096
    assert shared.engine.prompt_tokens == read
    assert response.headers["x-should-retry"] == "false"


NEUTRAL: list[dict[str, Any]] = [
    {"tools": []}, {"tool_choice": "none"}, {"store": False}, {"service_tier": "auto"}, {"modalities": ["text"]},
    {"user": "me"}, {"metadata": {"a": "b"}}, {"response_format": {"type": "text"}}, {"tools": None}, {"seed": 7},
]  # fmt: skip


@pytest.mark.parametrize("fields", NEUTRAL, ids=str)
async def test_fields_that_ask_for_nothing_are_accepted(
    http: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    assert (await post(http, **fields)).status_code == 200


FIELD_VALUES: dict[str, Any] = {
    "n": 2, "stream": False, "max_tokens": 5, "max_completion_tokens": 5, "min_tokens": 1, "temperature": 0.5,
    "top_p": 0.9, "top_k": 5, "min_p": 0.1, "presence_penalty": 0.5, "frequency_penalty": 0.5,
    "repetition_penalty": 1.1, "stop": "x", "stop_token_ids": [5], "ignore_eos": True, "logit_bias": {"5": 1.0},
    "seed": 3, "response_format": {"type": "json_object"}, "user": "u", "metadata": {"k": "v"}, "logprobs": True,
    "top_h": 0.4, "top_h_variant": "authors", "stream_options": {"include_usage": True}, "top_logprobs": 2,
    "reasoning_effort": "low", "chat_template_kwargs": {"enable_thinking": False}, "thinking_token_budget": 5,
    "include_reasoning": False, "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto",
    "parallel_tool_calls": False,
}  # fmt: skip


FIELDS = sorted({*ChatRequest.model_fields, *ChatRequest.refused} - {"model", "messages", "strategy"})


NEEDS: dict[str, dict[str, Any]] = {
    "stream_options": {"stream": True},
    "top_logprobs": {"logprobs": True},
    "top_h_variant": {"top_h": 0.4},
    "tool_choice": {"tools": [{"type": "function", "function": {"name": "f"}}]},
    "parallel_tool_calls": {"tools": [{"type": "function", "function": {"name": "f"}}]},
}
"""What some fields need beside them to mean anything."""


@pytest.mark.parametrize("strategy", CATALOG)
@pytest.mark.parametrize("field", FIELDS)
async def test_every_field_is_honoured_or_refused_by_every_strategy(
    http: httpx.AsyncClient, field: str, strategy: str
) -> None:
    """No silent drop: a field reaches the engine, shapes the reply, is a label, or is a 400 that names it."""
    fields = {field: FIELD_VALUES.get(field, "something")} | NEEDS.get(field, {})
    response = await post(http, strategy={"name": strategy}, **fields)
    refused = ChatRequest.refused.keys() | CATALOG[strategy].refuses
    if refused & fields.keys():
        assert response.status_code == 400
        assert response.json()["error"]["param"] in refused & fields.keys()
    else:
        assert response.status_code == 200, response.text


async def test_decoding_fields_reach_the_engine() -> None:
    seen: list[Any] = []

    def note(prompt: Any, index: int) -> str:
        seen.append(prompt.decoding)
        return "fine"

    elsewhere = {"stream_options", "stream", "response_format", "n", "min_p"}
    fields = {k: v for k, v in FIELD_VALUES.items() if k not in elsewhere}
    async with listening(ScriptedEngine(script=note)) as running, running.client() as http:
        assert (await post(http, **fields)).status_code == 200
    assert seen[0] == Decoding(
        max_tokens=5,
        min_tokens=1,
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        top_h=0.4,
        top_h_variant="authors",
        presence_penalty=0.5,
        frequency_penalty=0.5,
        repetition_penalty=1.1,
        stop=("x",),
        stop_token_ids=(5,),
        ignore_eos=True,
        logit_bias={5: 1.0},
        logprobs=2,
        thinking_token_budget=5,
        seed=3,
    )


BODIES: list[tuple[bytes, str]] = [
    (b"{", "application/json"),
    (b"[]", "application/json"),
    (b"null", "application/json"),
    (b'{"model": "scripted", "messages": [{"role": "user", "content": "\\ud800"}]}', "application/json"),
    (b'{"model": "scripted", "temperature": NaN, "messages": []}', "application/json"),
    (b'{"model": "scripted", "temperature": 1e999, "messages": []}', "application/json"),
    (b'{"a":' * 2000 + b"1" + b"}" * 2000, "application/json"),
    (b"\xff\xfe", "application/json"),
    (b"", "application/json"),
]


@pytest.mark.parametrize(("body", "content_type"), BODIES, ids=lambda value: str(value)[:40])
async def test_a_body_that_is_not_json_is_a_400(
    http: httpx.AsyncClient, body: bytes, content_type: str
) -> None:
    response = await http.post("/v1/chat/completions", content=body, headers={"content-type": content_type})
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_a_413(http: httpx.AsyncClient, chunked: bool) -> None:
    body = json.dumps(ASK | {"user": "x" * 2_000_000}).encode()

    async def pieces() -> Any:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    content = pieces() if chunked else body
    response = await http.post(
        "/v1/chat/completions", content=content, headers={"content-type": "application/json"}
    )
    assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")


async def test_ids_are_ours_and_the_callers_is_only_echoed(http: httpx.AsyncClient) -> None:
    replies = [await http.get("/health", headers={"x-request-id": "mine"}) for _ in range(2)]
    assert all(reply.headers["x-client-request-id"] == "mine" for reply in replies)
    assert replies[0].headers["x-request-id"] != replies[1].headers["x-request-id"]


async def test_an_unknown_route_is_an_openai_error(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/nothing")).json()["error"]["code"] == "unknown_url"
    assert (await http.get("/v1/chat/completions")).status_code == 405
