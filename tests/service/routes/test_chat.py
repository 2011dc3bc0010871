"""Chat completions on a scripted engine over a real socket: shapes, strategies, refusals, streams, disconnects."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from service.engine.scripted_engine import ScriptedEngine
from service.protocol.chat import ChatRequest
from strategies.base.types import Decoding
from strategies.catalog import CATALOG
from tests.service.fixtures import Running, listening, scripted_scorers, until

ASK: dict[str, Any] = {"model": "scripted", "messages": [{"role": "user", "content": "What is 6 times 7?"}]}
BEST = {"name": "best_of_n", "n": 3}


async def post(http: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await http.post("/v1/chat/completions", json=ASK | fields)


async def events(http: httpx.AsyncClient, **fields: Any) -> list[Any]:
    """The data lines of a stream, decoded; `[DONE]` as it is."""
    response = await post(http, stream=True, **fields)
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


async def test_a_plain_request_is_an_ordinary_completion(own_http: httpx.AsyncClient, own: Running) -> None:
    reply = (await post(own_http)).json()
    assert reply["object"] == "chat.completion"
    assert reply["choices"][0]["message"]["role"] == "assistant"
    assert reply["choices"][0]["message"]["content"].startswith(reply["choices"][0]["message"]["content"][:1])
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert "nbest" not in reply
    assert reply["usage"]["completion_tokens"] == own.engine.generation_tokens > 0


async def test_best_of_n_returns_the_candidate_with_the_highest_score(
    texts: Callable[..., ScriptedEngine],
) -> None:
    engine = texts("bad [score=0.1]", "good [score=0.9]", "fair [score=0.5]")
    async with listening(engine) as running, running.client() as http:
        reply = (await post(http, strategy=BEST)).json()
    assert reply["choices"][0]["message"]["content"] == "good [score=0.9]"
    told = reply["nbest"]
    assert told["selected"] == [1]
    assert [candidate["score"] for candidate in told["candidates"]] == [0.1, 0.9, 0.5]
    assert [candidate["fate"] for candidate in told["candidates"]] == ["kept", "selected", "kept"]
    assert "text" not in told["candidates"][0]
    assert reply["usage"]["completion_tokens"] == engine.generation_tokens
    details = reply["usage"]["completion_tokens_details"]
    assert sum(details.values()) == reply["usage"]["completion_tokens"]
    assert reply["usage"]["nbest"]["engine_prompt_tokens"] == engine.prompt_tokens


async def test_n_choices_come_best_first(texts: Callable[..., ScriptedEngine]) -> None:
    async with (
        listening(texts("a [score=0.1]", "b [score=0.9]", "c [score=0.5]")) as running,
        running.client() as http,
    ):
        reply = (await post(http, strategy=BEST, n=2)).json()
    assert [choice["message"]["content"][0] for choice in reply["choices"]] == ["b", "c"]
    assert [choice["index"] for choice in reply["choices"]] == [0, 1]


@pytest.mark.parametrize(("explain", "has"), [("none", False), ("summary", True), ("full", True)])
async def test_the_explanation_is_as_long_as_asked(http: httpx.AsyncClient, explain: str, has: bool) -> None:
    reply = (await post(http, strategy=BEST | {"explain": explain})).json()
    assert ("nbest" in reply) == has
    if explain == "full":
        assert all(candidate["text"] for candidate in reply["nbest"]["candidates"])


@pytest.mark.parametrize("model", ["careful", "scripted@best_of_n"])
async def test_a_strategy_is_selectable_by_model_name(http: httpx.AsyncClient, model: str) -> None:
    reply = (await post(http, model=model)).json()
    assert reply["nbest"]["strategy"] == "best_of_n"
    assert reply["model"] == model


async def test_an_unknown_model_is_404(http: httpx.AsyncClient) -> None:
    response = await post(http, model="gpt-nothing")
    assert response.status_code == 404
    assert response.json()["error"]["param"] == "model"


async def test_naming_a_strategy_twice_is_refused(http: httpx.AsyncClient) -> None:
    response = await post(http, model="careful", strategy=BEST)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "strategy")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"tools": [{"type": "function"}]}, "tools"),
    ({"functions": [{}]}, "functions"),
    ({"audio": {"voice": "x"}}, "audio"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"store": True}, "store"),
    ({"reasoning_effort": "high"}, "reasoning_effort"),
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
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        "messages.0.content",
    ),
    ({"messages": [{"role": "user", "content": "x", "name": "bob"}]}, "messages.0.name"),
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
}  # fmt: skip


FIELDS = sorted({*ChatRequest.model_fields, *ChatRequest.refused} - {"model", "messages", "strategy"})


NEEDS: dict[str, dict[str, Any]] = {
    "stream_options": {"stream": True},
    "top_logprobs": {"logprobs": True},
    "top_h_variant": {"top_h": 0.4},
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
    (b"model=scripted", "application/x-www-form-urlencoded"),
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


async def test_a_single_sample_streams_its_tokens(http: httpx.AsyncClient) -> None:
    chunks = await events(http, stream_options={"include_usage": True})
    assert chunks[-1] == "[DONE]"
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    texts = [c["choices"][0]["delta"].get("content", "") for c in chunks[:-1] if c["choices"]]
    assert len([text for text in texts if text]) > 3
    assert "The answer is" in "".join(texts)
    assert chunks[-3]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-2]["choices"] == []
    assert chunks[-2]["usage"]["completion_tokens"] > 3


async def test_a_selection_streams_the_chosen_text_and_the_explanation() -> None:
    engine = ScriptedEngine(script=lambda prompt, index: f"text {index} [score=0.{index}]")
    async with listening(engine) as running, running.client() as http:
        chunks = await events(http, strategy=BEST)
    texts = [c["choices"][0]["delta"].get("content", "") for c in chunks[:-1]]
    assert "".join(texts) == "text 2 [score=0.2]"
    assert chunks[-2]["nbest"]["selected"] == [2]
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"


async def test_stream_of_several_choices_keeps_them_apart(http: httpx.AsyncClient) -> None:
    chunks = await events(http, n=3)
    texts = ["", "", ""]
    for chunk in chunks[:-1]:
        choice = chunk["choices"][0]
        texts[choice["index"]] += choice["delta"].get("content", "")
    assert all("The answer is" in text for text in texts)


async def test_an_error_before_the_first_text_has_its_status(
    own_http: httpx.AsyncClient, own: Running
) -> None:
    own.engine.dead = True
    response = await post(own_http, stream=True)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "engine_failed")


async def test_an_error_after_the_first_text_is_the_last_chunk() -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "word " * 20, token_s=0.02)
    async with listening(engine) as running, running.client() as http:
        streaming = asyncio.create_task(events(http, n=1))
        await asyncio.sleep(0.1)
        _break_tasks(engine)
        chunks = await streaming
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["error"]["code"] == "internal_error"
    assert "float" not in str(chunks[-1])


def _break_tasks(engine: ScriptedEngine) -> None:
    """Make the next token blow up."""
    engine.token_s = "no number"  # type: ignore[assignment]


@pytest.mark.parametrize(
    "fields", [{}, {"stream": True}, {"strategy": BEST}, {"strategy": BEST, "stream": True}], ids=str
)
async def test_a_client_that_leaves_stops_the_engine(fields: dict[str, Any]) -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "word " * 1000, token_s=0.01)
    async with listening(engine) as running, running.client() as http:
        asking = asyncio.create_task(post(http, **fields))
        await until(lambda: engine.generation_tokens >= 5)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: not engine.unfinished, within_s=1)


async def test_a_client_that_leaves_while_scores_are_awaited_stops_the_work() -> None:
    engine = ScriptedEngine()
    async with (
        listening(engine, scripted_scorers(fault="slow", delay_s=30)) as running,
        running.client() as http,
    ):
        asking = asyncio.create_task(post(http, strategy=BEST))
        await asyncio.sleep(0.2)
        metrics = running.app.state.service.metrics
        assert metrics.inflight._value.get() == 1
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: not metrics.inflight._value.get(), within_s=1)


async def test_silence_is_broken_by_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.routes.generation.KEEP_ALIVE_S", 0.05)
    engine = ScriptedEngine(script=lambda prompt, index: "a b c d", token_s=0.05)
    async with listening(engine) as running, running.client() as http:
        response = await post(http, stream=True, strategy=BEST)
    assert response.text.startswith(": keep-alive\n\n")
    assert response.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("fault", ["raise", "nan", "short"])
async def test_a_scorer_that_fails_is_never_silent(fault: Any) -> None:
    async with listening(ScriptedEngine(), scripted_scorers(fault)) as running, running.client() as http:
        failed = await post(http, strategy=BEST)
        flagged = (await post(http, strategy=BEST | {"on_scorer_error": "majority"})).json()
        page = (await http.get("/metrics")).text
    assert (failed.status_code, failed.json()["error"]["code"]) == (503, "scorer_failed")
    assert flagged["nbest"]["degraded"] == "scorer_failed_majority"
    assert 'nbest_degraded_total{reason="scorer_failed_majority"} 1.0' in page
    assert "nbest_scorer_errors_total{" in page
