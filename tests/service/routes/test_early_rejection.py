"""Early rejection over a real socket: budgets, the account it gives, and what it refuses by name."""

import asyncio
from typing import Any

import httpx
import pytest

from service.engine.ports import EngineInfo
from service.engine.scripted.engine import ScriptedEngine
from tests.service.fixtures import listening, until

ASK: dict[str, Any] = {"model": "scripted", "messages": [{"role": "user", "content": "What is 6 times 7?"}]}
EARLY = {"name": "early_rejection", "beams": 4, "beam_width": 2, "tau": 2, "explain": "full"}


async def post(http: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await http.post("/v1/chat/completions", json=ASK | fields)


async def test_the_reply_accounts_for_every_candidate_and_token() -> None:
    engine = ScriptedEngine(info=EngineInfo("scripted", "scripted", 8192, parameters=100))
    async with listening(engine) as running, running.client() as http:
        reply = (await post(http, strategy=EARLY)).json()
    told, usage = reply["nbest"], reply["usage"]
    assert usage["completion_tokens"] == engine.generation_tokens
    assert sum(usage["completion_tokens_details"].values()) == usage["completion_tokens"]
    assert usage["nbest"]["engine_prompt_tokens"] == engine.prompt_tokens
    assert usage["prompt_tokens"] == 5
    rejected = [c for c in told["candidates"] if c["fate"] == "rejected_early"]
    assert rejected
    for candidate in rejected:
        assert candidate["rejected_at"]["score"] <= candidate["rejected_at"]["threshold"]
        assert candidate["rejected_at"]["step"] in (1, 2)
    assert told["details"]["rejected"] == len(rejected)
    assert told["cost"]["generator"]["flops"] == 2 * 100 * (engine.generation_tokens + engine.prompt_tokens)
    assert told["cost"]["reward_models"][0]["tokens"] == usage["nbest"]["reward_model_tokens"] > 0
    assert told["cost"]["flops"] is None


async def test_two_answers_that_share_a_beginning_still_sum() -> None:
    engine = ScriptedEngine(script=lambda prompt, index: f"same start here\nend {index}")
    async with listening(engine) as running, running.client() as http:
        reply = (await post(http, strategy=EARLY | {"beam_width": 4}, n=4)).json()
    details = reply["usage"]["completion_tokens_details"]
    assert len(reply["choices"]) == 4
    assert min(details.values()) >= 0
    assert sum(details.values()) == reply["usage"]["completion_tokens"] == engine.generation_tokens


@pytest.mark.parametrize(
    ("budget", "limit"),
    [
        ({"max_completion_tokens": 30}, "max_completion_tokens"),
        ({"deadline_ms": 250}, "deadline"),
        ({"max_samples": 3}, "max_samples"),
    ],
)
async def test_at_a_limit_the_best_so_far_comes_back_flagged(budget: dict[str, int], limit: str) -> None:
    engine = ScriptedEngine(script=lambda prompt, index: f"w{index} word\n" * 40, token_s=0.01)
    async with listening(engine) as running, running.client() as http:
        response = await post(http, strategy=EARLY | {"budget": budget}, max_tokens=60)
        reply = response.json()
    assert reply["nbest"]["degraded"] == limit
    assert reply["choices"][0]["message"]["content"]
    assert reply["usage"]["completion_tokens"] == engine.generation_tokens
    if limit == "max_completion_tokens":
        assert engine.generation_tokens == 30
    if limit == "max_samples":
        assert len(reply["nbest"]["candidates"]) == 3
    assert engine.unfinished == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_stops_the_search(stream: bool) -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "word " * 1000, token_s=0.01)
    async with listening(engine) as running, running.client() as http:
        asking = asyncio.create_task(post(http, strategy=EARLY, stream=stream))
        await until(lambda: engine.generation_tokens >= 5)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: not engine.unfinished, within_s=1)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"strategy": EARLY | {"scorer": "outcome"}}, "strategy.scorer"),
        ({"strategy": EARLY | {"beams": 65}}, "strategy.beams"),
        ({"strategy": EARLY | {"shadow": True, "tau": None}}, "strategy.shadow"),
        ({"strategy": EARLY, "presence_penalty": 0.5}, "presence_penalty"),
        ({"strategy": EARLY, "temperature": 0}, "temperature"),
    ],
    ids=str,
)
async def test_what_makes_no_sense_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    engine = ScriptedEngine()
    async with listening(engine) as running, running.client() as http:
        response = await post(http, **fields)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert engine.prompt_tokens == 0


@pytest.mark.parametrize(
    "neutral",
    [{"presence_penalty": 0.0}, {"frequency_penalty": 0}, {"response_format": {"type": "text"}}],
    ids=str,
)
async def test_a_refused_field_that_asks_for_nothing_is_accepted(neutral: dict[str, Any]) -> None:
    async with listening(ScriptedEngine()) as running, running.client() as http:
        assert (await post(http, strategy=EARLY, **neutral)).status_code == 200


@pytest.mark.parametrize("candidate", [{"text": "a"}, {"text": "a", "score": 0.5}])
async def test_a_selection_cannot_write_on_what_it_is_given(candidate: dict[str, Any]) -> None:
    body = {"strategy": EARLY, "candidates": [candidate], "messages": ASK["messages"]}
    async with listening(ScriptedEngine()) as running, running.client() as http:
        response = await http.post("/v1/select", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "strategy")
    assert "live candidates" in response.json()["error"]["message"]
