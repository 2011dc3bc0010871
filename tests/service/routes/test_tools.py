"""Tool calls: selected as other answers are, told in OpenAI's shape, refused by name where they have no place."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from service.engine.scripted.engine import ScriptedEngine
from strategies.base.types import Prompt
from strategies.catalog import CATALOG
from tests.service.fixtures import Running, listening
from tests.service.routes.asking import events, post

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "note": {"type": "string"}},
            "required": ["city"],
        },
    },
}
CALLS = (
    '{"name": "weather", "arguments": {"city": "Rome", "note": "a"}}',
    '{"name": "weather", "arguments": {"note": "a", "city": "Rome"}}',
    '{"name": "weather", "arguments": {"city": "Oslo", "note": "b"}}',
    '{"name": "weather", "arguments": {"town": "Oslo"}}',
    '{"name": "sun", "arguments": {"city": "Oslo"}}',
)
SELECTING = ["best_of_n", "majority", "weighted_majority", "best_of_majority"]
NAMED = {"type": "function", "function": {"name": "weather"}}


def script(prompt: Prompt, index: int) -> str:
    return f"<think>Rome or Oslo?</think>I look.\n<tool_call>\n{CALLS[index % 5]}\n</tool_call>"


@pytest.fixture(scope="module")
async def calling() -> AsyncIterator[Running]:
    async with listening(ScriptedEngine(script=script)) as running:
        yield running


@pytest.mark.parametrize("name", SELECTING)
async def test_calls_are_compared_and_the_winners_come_back(calling: Running, name: str) -> None:
    own = {"stop": "none"} if name == "majority" else {"scorer": "outcome"}
    asked = {"name": name, "n": 5, "explain": "full"} | own
    async with calling.client() as http:
        reply = (await post(http, tools=[TOOL], strategy=asked)).json()
    candidates = reply["nbest"]["candidates"]
    assert [candidate.get("flaw") for candidate in candidates] == [None] * 3 + ["invalid_tool_call"] * 2
    assert [candidate["fate"] for candidate in candidates][3:] == ["invalid", "invalid"]
    assert [candidate["group"] for candidate in candidates] == [0, 0, 1, None, None]
    choice = reply["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    [told] = choice["message"]["tool_calls"]
    assert (told["type"], told["function"]["name"]) == ("function", "weather")
    assert told["function"]["arguments"] == json.dumps(
        json.loads(CALLS[reply["nbest"]["selected"][0]])["arguments"]
    )
    assert told["id"].startswith("call_")
    assert choice["message"]["content"] == "I look.\n"
    assert choice["message"]["reasoning"] == "Rome or Oslo?"


@pytest.mark.parametrize(
    ("form", "groups"),
    [
        ({}, [0, 0, 1, None, None]),
        ({"tool_vote": "name"}, [0, 0, 0, None, None]),
        ({"tool_vote": "arguments", "exclude_arguments": ["city"]}, [0, 0, 1, None, None]),
        ({"exclude_arguments": ["city", "note"]}, [0, 0, 0, None, None]),
    ],
    ids=str,
)
async def test_what_is_compared_of_them_is_the_requests_to_say(
    calling: Running, form: dict[str, Any], groups: list[int | None]
) -> None:
    async with calling.client() as http:
        asked = {"name": "majority", "n": 5, "stop": "none", "answer": form}
        reply = (await post(http, tools=[TOOL], strategy=asked)).json()
    assert [candidate["group"] for candidate in reply["nbest"]["candidates"]] == groups


@pytest.mark.parametrize("strategy", [{"name": "single"}, {"name": "majority", "n": 3}], ids=str)
async def test_a_stream_tells_the_same_calls(calling: Running, strategy: dict[str, Any]) -> None:
    async with calling.client() as http:
        choice = (await post(http, tools=[TOOL], strategy=strategy)).json()["choices"][0]
        chunks = await events(http, tools=[TOOL], strategy=strategy)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    told = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert [call.pop("index") for call in told] == [0]
    assert [call["function"] for call in told] == [
        call["function"] for call in choice["message"]["tool_calls"]
    ]
    assert "".join(delta.get("content") or "" for delta in deltas) == choice["message"]["content"]
    assert chunks[-2]["choices"][0]["finish_reason"] == choice["finish_reason"] == "tool_calls"


async def test_a_forced_call_is_a_list_or_the_arguments_of_the_named() -> None:
    def held(prompt: Prompt, index: int) -> str:
        assert prompt.tools is not None
        city = {"city": "Rome"}
        named = prompt.tools.choice == "named"
        return json.dumps(city if named else [{"name": "weather", "parameters": city}] * 2)

    async with listening(ScriptedEngine(script=held)) as running, running.client() as http:
        both = (await post(http, tools=[TOOL], tool_choice="required")).json()["choices"][0]
        one = (await post(http, tools=[TOOL], tool_choice="required", parallel_tool_calls=False)).json()
        named = (await post(http, tools=[TOOL], tool_choice=NAMED)).json()["choices"][0]
        streamed = await events(http, tools=[TOOL], tool_choice="required")
    assert len(both["message"]["tool_calls"]) == 2
    assert (both["message"]["content"], both["finish_reason"]) == (None, "tool_calls")
    assert len(one["choices"][0]["message"]["tool_calls"]) == 1
    assert json.loads(named["message"]["tool_calls"][0]["function"]["arguments"]) == {"city": "Rome"}
    assert named["finish_reason"] == "stop"
    assert not any(chunk["choices"][0]["delta"].get("content") for chunk in streamed[:-1])


async def test_with_none_chosen_nothing_is_called(calling: Running) -> None:
    async with calling.client() as http:
        choice = (await post(http, tools=[TOOL], tool_choice="none")).json()["choices"][0]
    assert "tool_calls" not in choice["message"]
    assert "<tool_call>" in choice["message"]["content"]
    assert choice["finish_reason"] == "stop"


HISTORY: list[dict[str, Any]] = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": "The weather in Rome?", "name": "ann"},
    {
        "role": "assistant", "content": None, "refusal": None, "annotations": [], "audio": None, "reasoning": "Hm.",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "Sunny."}]},
    {"role": "assistant", "refusal": "I cannot say more."},
    {"role": "user", "content": "Why?"},
]  # fmt: skip


async def test_a_chat_with_calls_reaches_the_engine_whole() -> None:
    seen: list[Prompt] = []

    def note(prompt: Prompt, index: int) -> str:
        seen.append(prompt)
        return "Well."

    async with listening(ScriptedEngine(script=note)) as running, running.client() as http:
        assert (await post(http, messages=HISTORY, tools=[TOOL])).status_code == 200
    roles = [message.role for message in seen[0].messages]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]
    called = seen[0].messages[2]
    assert (called.content, called.reasoning, called.tool_calls[0].name) == ("", "Hm.", "weather")
    assert seen[0].messages[1].name == "ann"
    assert (seen[0].messages[3].content, seen[0].messages[3].tool_call_id) == ("Sunny.", "c1")
    assert seen[0].messages[4].content == "I cannot say more."


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"tools": [TOOL, TOOL]}, "tools"),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "sun"}}}, "tool_choice"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools.0.function.name"),
    (
        {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "x"}}}]},
        "tools.0.function.parameters",
    ),
    (
        {"tools": [TOOL], "tool_choice": "required", "response_format": {"type": "json_object"}},
        "response_format",
    ),
    ({"messages": [{"role": "user", "content": None}]}, "messages.0"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0"),
    ({"messages": [{"role": "user", "content": "x", "tool_call_id": "c"}]}, "messages.0"),
]


@pytest.mark.parametrize(("fields", "param"), REFUSED, ids=lambda value: str(value)[:60])
async def test_what_makes_no_sense_is_refused_by_name(
    calling: Running, fields: dict[str, Any], param: str
) -> None:
    async with calling.client() as http:
        error: httpx.Response = await post(http, **fields)
    assert error.status_code == 400
    assert error.json()["error"]["param"].startswith(param)


@pytest.mark.parametrize("name", sorted(name for name in CATALOG if "tools" in CATALOG[name].refuses))
async def test_a_strategy_without_a_place_for_calls_refuses_tools(calling: Running, name: str) -> None:
    assert name in ("early_rejection", "fusion_of_n")
    async with calling.client() as http:
        error = (await post(http, tools=[TOOL], strategy={"name": name})).json()["error"]
        assert error["param"] == "tools"
        assert (
            await post(http, tools=[TOOL], tool_choice="none", strategy={"name": name})
        ).status_code == 200


async def test_a_step_scorer_refuses_calls(calling: Running) -> None:
    async with calling.client() as http:
        told = await post(http, tools=[TOOL], strategy={"name": "best_of_n", "n": 3, "scorer": "step"})
    assert (told.status_code, told.json()["error"]["param"]) == (400, "strategy.scorer")
