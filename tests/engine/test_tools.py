"""Tool calls on the real engines: forced by a grammar, compared, scored through a template, streamed as they are."""

import json
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from service.embedded.chat_templates import REWARD_TEMPLATE
from tests.engine.scoring_fixtures import Scoring
from tests.engine.test_every_strategy import MODEL
from tests.service.fixtures import Running

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

CITIES = ["Rome", "Oslo", "Lima"]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": CITIES}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
WITH_CALLS = REWARD_TEMPLATE.replace(
    "message['content'] + '<|im_end|>' }}",
    "message['content'] }}{% for call in message['tool_calls'] or [] %}{{ call['function'] | tojson }}"
    "{% endfor %}{{ '<|im_end|>' }}",
)


def asked(**fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "How is the weather in Oslo?"}]
    body = {"model": MODEL, "messages": messages, "max_tokens": 96, "temperature": 1.2, "seed": 5}
    return body | {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False} | fields


def arguments(choice: dict[str, Any]) -> list[str]:
    return [call["function"]["arguments"] for call in choice["message"]["tool_calls"]]


@pytest.mark.parametrize("name", ["majority", "best_of_n", "best_of_majority", "weighted_majority"])
async def test_forced_calls_are_selected_among(
    service: Running, scoring: Scoring, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    scorer: Any = scoring.scorers.outcomes["outcome"]
    monkeypatch.setattr(scorer.tokenizer.inner, "chat_template", WITH_CALLS)
    own = {"stop": "none"} if name == "majority" else {"scorer": "outcome"}
    async with service.client() as http:
        body = asked(strategy={"name": name, "n": 6, "explain": "full"} | own)
        told = await http.post("/v1/chat/completions", json=body, timeout=120)
    reply = told.json()
    assert told.status_code == 200, reply
    valid = [one for one in reply["nbest"]["candidates"] if one["fate"] in ("selected", "kept")]
    assert len(valid) >= 4
    for candidate in valid:
        [call] = candidate["tool_calls"]
        city = json.loads(call["function"]["arguments"])["city"]
        assert candidate["answer"] == f'[{{"arguments":{{"city":"{city}"}},"name":"weather"}}]'
    choice = reply["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert json.loads(arguments(choice)[0])["city"] in CITIES
    if name == "best_of_n":
        scores = {one["answer"]: one["score"] for one in valid}
        assert len(set(scores.values())) == len(scores) > 1, "the scorer tells the calls apart"


async def test_a_scorer_without_a_place_for_calls_is_refused(service: Running) -> None:
    async with service.client() as http:
        # Of six some are whole, so that there are calls to score.
        body = asked(strategy={"name": "best_of_n", "n": 6, "scorer": "outcome"})
        told = await http.post("/v1/chat/completions", json=body, timeout=120)
    assert told.status_code == 400, told.text
    assert (told.status_code, told.json()["error"]["param"]) == (400, "strategy.scorer")


@pytest.mark.parametrize("strategy", [None, {"name": "majority", "n": 3}], ids=str)
async def test_a_stream_tells_the_calls_of_the_whole_reply(
    service: Running, strategy: dict[str, Any] | None
) -> None:
    body = asked(temperature=0.0) if strategy is None else asked(strategy=strategy)
    async with httpx.AsyncClient(base_url=service.url, timeout=120, verify=False) as http:
        whole = (await http.post("/v1/chat/completions", json=body)).json()["choices"][0]
    extra = {} if strategy is None else {"strategy": body.pop("strategy")}
    async with AsyncOpenAI(base_url=f"{service.url}/v1", api_key="unused", max_retries=0) as sdk:
        chunks = [c async for c in await sdk.chat.completions.create(**body, stream=True, extra_body=extra)]
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert [call.function.arguments for call in calls if call.function] == arguments(whole)
    assert chunks[-1].choices[0].finish_reason == whole["finish_reason"] == "tool_calls"


async def test_the_named_function_is_called_and_its_result_is_read(service: Running) -> None:
    named = {"type": "function", "function": {"name": "weather"}}
    async with service.client() as http:
        body = asked(temperature=0.0, tool_choice=named)
        choice = (await http.post("/v1/chat/completions", json=body, timeout=120)).json()["choices"][0]
        turns = [*body["messages"], choice["message"]]
        turns.append({"role": "tool", "tool_call_id": turns[1]["tool_calls"][0]["id"], "content": "Sunny."})
        again = asked(temperature=0.0, messages=turns, tool_choice="auto", max_tokens=16)
        told = await http.post("/v1/chat/completions", json=again, timeout=120)
    assert choice["finish_reason"] == "stop"
    assert told.status_code == 200, told.text
