"""What a client sends and reads: replies sent back, faults by name, log-probabilities, usage as it grows."""

import json
import math
from typing import Any

import httpx
import pytest

from service.engine.scripted.engine import ScriptedEngine
from strategies.base.types import Prompt, TokenLogprob
from strategies.catalog import CATALOG
from tests.service.fixtures import listening
from tests.service.routes.asking import ASK, BEST, events, post

PLAIN: dict[str, Any] = {"model": "scripted", "prompt": "6 times 7 is", "max_tokens": 64}
COUNTED = {"stream": True, "stream_options": {"include_usage": True, "continuous_usage_stats": True}}


async def plain_events(http: httpx.AsyncClient, **fields: Any) -> list[Any]:
    response = await http.post("/v1/completions", json=PLAIN | {"stream": True} | fields)
    return [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]


@pytest.mark.parametrize("strategy", CATALOG)
async def test_every_reply_can_be_sent_back(http: httpx.AsyncClient, strategy: str) -> None:
    chat = [*ASK["messages"]]
    for question in ("And 7 times 8?", "And both together?"):
        reply = await post(http, messages=chat, strategy={"name": strategy})
        assert reply.status_code == 200
        chat += [reply.json()["choices"][0]["message"], {"role": "user", "content": question}]
    assert (await post(http, messages=chat)).status_code == 200


async def test_a_reply_that_thought_can_be_sent_back() -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "<think>6 sevens are 42.</think>The answer is 42.")
    async with listening(engine) as running, running.client() as http:
        message = (await post(http)).json()["choices"][0]["message"]
        assert (message["content"], message["reasoning"]) == ("The answer is 42.", "6 sevens are 42.")
        more = [*ASK["messages"], message, {"role": "user", "content": "And 7 times 8?"}]
        assert (await post(http, messages=more)).status_code == 200


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
    (
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": {}}]},
        "messages.1.content",
    ),
    ({"messages": [{"role": "user"}]}, "messages.0.content"),
    ({"messages": [{"role": "robot", "content": "a"}]}, "messages.0.role"),
    ({"messages": ["a"]}, "messages.0"),
    ({"messages": None}, "messages"),
    ({"stop": 5}, "stop"),
    ({"stop": ["a", 5]}, "stop.1"),
    ({"stop_token_ids": [1, "a"]}, "stop_token_ids.1"),
    ({"logit_bias": {"5": "a"}}, "logit_bias.5"),
    ({"logit_bias": {"five": 1}}, "logit_bias"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
    ({"stream": True, "stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
    ({"stream": True, "stream_options": {"x": 1}}, "stream_options.x"),
    ({"strategy": {"name": "majority", "waves": "some"}}, "strategy.waves"),
    ({"strategy": {"name": "majority", "waves": 0}}, "strategy.waves"),
    ({"strategy": {"name": "majority", "stop": "none", "agreement": 0.5}}, "strategy.agreement"),
    ({"strategy": {"name": "majority", "answer": {"form": "boxed", "field": "a"}}}, "strategy.answer.field"),
    ({"strategy": {"name": "best_of_n", "budget": {"max_samples": "a"}}}, "strategy.budget.max_samples"),
    ({"strategy": {"name": "best_of_n", "group_reward": "sum"}}, "strategy.group_reward"),
]


@pytest.mark.parametrize(("fields", "param"), FAULTS, ids=str)
async def test_param_is_the_field_as_it_was_sent(
    http: httpx.AsyncClient, fields: dict[str, Any], param: str
) -> None:
    response = await post(http, **fields)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("route", "body", "param"),
    [
        ("/v1/completions", {"model": "scripted"}, "prompt"),
        ("/v1/completions", {"model": "scripted", "prompt": 5}, "prompt"),
        ("/v1/completions", {"model": "scripted", "prompt": ["a", "b"]}, "prompt"),
        ("/v1/completions", {"model": "scripted", "prompt": "a", "echo": True, "logprobs": 1}, "echo"),
        ("/v1/score", {"texts": ["a"]}, "messages"),
        ("/v1/score", {"texts": ["a"], "prompt": "b", "messages": ASK["messages"]}, "prompt"),
        ("/v1/score", {"texts": ["a", 5], "prompt": "b"}, "texts.1"),
        ("/v1/select", {"strategy": BEST, "candidates": [{"text": "a"}, {}]}, "candidates.1.text"),
        ("/v1/select", {"strategy": BEST, "candidates": [{"text": "a", "score": "b"}]}, "candidates.0.score"),
        ("/v1/select", {"strategy": BEST, "candidates": [{"text": "a"}]}, "candidates.0.score"),
    ],
    ids=str,
)
async def test_param_is_the_field_on_every_route(
    http: httpx.AsyncClient, route: str, body: dict[str, Any], param: str
) -> None:
    response = await http.post(route, json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


async def test_a_union_says_what_it_takes(http: httpx.AsyncClient) -> None:
    error = (await post(http, messages=[{"role": "user", "content": 5}])).json()["error"]
    assert error["message"] == "messages.0.content: Input should be a valid string or a valid list"


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that reports what a grammar has masked as it is: minus infinity, and NaN beside it."""

    def logprobs(tokens: list[str], prompt: Prompt) -> tuple[TokenLogprob, ...]:
        top = (("a", 1, -0.5), ("b", 2, -math.inf), ("c", 3, math.nan))
        return tuple(TokenLogprob(token, 0, -math.inf, top) for token in tokens)

    monkeypatch.setattr("service.engine.scripted.engine._logprobs", logprobs)


LOWEST = -9999.0


@pytest.mark.usefixtures("masked")
async def test_a_masked_token_has_the_lowest_log_probability_in_a_chat(http: httpx.AsyncClient) -> None:
    whole = (await post(http, logprobs=True, top_logprobs=3)).json()["choices"][0]["logprobs"]["content"]
    chunks = await events(http, logprobs=True, top_logprobs=3)
    streamed = [
        token for c in chunks[:-1] for token in (c["choices"][0]["logprobs"] or {"content": []})["content"]
    ]
    for token in (*whole, *streamed):
        assert token["logprob"] == LOWEST
        assert [top["logprob"] for top in token["top_logprobs"]] == [-0.5, LOWEST, LOWEST]
    assert len(whole) == len(streamed) > 1


@pytest.mark.usefixtures("masked")
async def test_a_masked_token_has_the_lowest_log_probability_in_a_completion(http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/completions", json=PLAIN | {"logprobs": 3})
    whole = reply.json()["choices"][0]["logprobs"]
    parts = [c["choices"][0]["logprobs"] for c in await plain_events(http, logprobs=3)]
    for told in (whole, *filter(None, parts)):
        assert set(told["token_logprobs"]) == {LOWEST}
        assert told["top_logprobs"][0] == {"a": -0.5, "b": LOWEST, "c": LOWEST}


@pytest.mark.usefixtures("masked")
@pytest.mark.parametrize("stream", [False, True])
async def test_what_json_cannot_say_is_an_error_before_the_reply_begins(
    http: httpx.AsyncClient, stream: bool
) -> None:
    """The sum over these tokens is infinite, which the full explanation would have to tell."""
    response = await post(http, logprobs=True, stream=stream, strategy=BEST | {"explain": "full"})
    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal_error")


@pytest.mark.usefixtures("masked")
async def test_what_json_cannot_say_at_the_end_of_a_live_stream_is_its_last_chunk(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = ScriptedEngine(token_s=0.01)
    async with listening(engine) as running, running.client() as http:
        lines = (
            await post(http, logprobs=True, stream=True, strategy={"name": "single", "explain": "full"})
        ).text
    assert "The" in lines
    assert "a stream broke off" in caplog.text
    assert json.loads(lines.strip().splitlines()[-1][6:])["error"]["code"] == "internal_error"
    assert 'null,"nbest"' not in lines


@pytest.mark.parametrize(
    "fields", [{}, {"strategy": BEST}, {"n": 3}, {"echo": False, "n": 2, "strategy": BEST}], ids=str
)
async def test_streamed_offsets_are_those_of_the_whole(
    http: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    fields = {"logprobs": 1, "seed": 7, **fields}
    choices = (await http.post("/v1/completions", json=PLAIN | fields)).json()["choices"]
    chunks = [chunk["choices"][0] for chunk in await plain_events(http, **fields)]
    for choice in choices:
        parts = [c["logprobs"] for c in chunks if c["index"] == choice["index"] and c["logprobs"]]
        offsets = [offset for part in parts for offset in part["text_offset"]]
        assert offsets == choice["logprobs"]["text_offset"]
        assert len(set(offsets)) == len(offsets) > 1
        tokens = [token for part in parts for token in part["tokens"]]
        assert all(choice["text"].startswith(token, at) for token, at in zip(tokens, offsets, strict=True))


async def test_usage_grows_with_every_chunk_as_in_vllm(http: httpx.AsyncClient) -> None:
    chunks = (await events(http, **{k: v for k, v in COUNTED.items() if k != "stream"}))[:-1]
    told = [chunk["usage"] for chunk in chunks]
    final = told[-1]
    assert {usage["prompt_tokens"] for usage in told} == {final["prompt_tokens"]} != {0}
    assert all(usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] for usage in told)
    counts = [usage["completion_tokens"] for usage in told]
    assert counts[0] == 0
    assert counts == sorted(counts)
    assert counts[-2] == counts[-1] == final["completion_tokens"] > 3


@pytest.mark.parametrize("strategy", CATALOG)
async def test_usage_so_far_is_told_under_every_strategy(http: httpx.AsyncClient, strategy: str) -> None:
    chunks = (await events(http, strategy={"name": strategy}, stream_options=COUNTED["stream_options"]))[:-1]
    told = [chunk["usage"] for chunk in chunks]
    assert {usage["prompt_tokens"] for usage in told} == {told[-1]["prompt_tokens"]} != {0}
    assert 0 < told[-2]["completion_tokens"] <= told[-1]["completion_tokens"]


async def test_each_choice_counts_its_own(http: httpx.AsyncClient) -> None:
    chunks = await plain_events(http, n=3, stream_options=COUNTED["stream_options"])
    last = {c["choices"][0]["index"]: c["usage"]["completion_tokens"] for c in chunks[:-1]}
    assert sum(last.values()) == chunks[-1]["usage"]["completion_tokens"]
    assert len(last) == 3


@pytest.mark.parametrize(
    "options",
    [None, {"include_usage": True}, {"continuous_usage_stats": True}, {"include_usage": False}],
    ids=str,
)
async def test_usage_is_in_every_chunk_only_where_both_are_asked_for(
    http: httpx.AsyncClient, options: dict[str, Any] | None
) -> None:
    chunks = (await events(http, stream_options=options))[:-1]
    assert [chunk for chunk in chunks if chunk["choices"] and "usage" in chunk] == []
    assert any("usage" in chunk for chunk in chunks) == bool(options and options.get("include_usage"))
