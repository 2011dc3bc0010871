"""No schema, pattern or grammar that a caller sends costs the real engine its life, or ends in an error of ours."""

import json
from typing import Any

import httpx
import pytest

from scripts.fuzz.schemas import bodies, fault
from service.embedded.paths import GENERATOR_NAME
from service.engine.vllm.engine import VllmEngine
from tests.service.fixtures import Running

pytestmark = pytest.mark.engine


async def test_each_is_answered_or_refused_and_the_engine_lives(
    service: Running, generator: VllmEngine
) -> None:
    sent, wrong = 0, []
    async with service.client() as http:
        for name, body in bodies(GENERATOR_NAME):
            reply = await http.post("/v1/chat/completions", json=body)
            sent += 1
            if why := fault(str(reply.status_code), reply.text):
                wrong.append(f"{name}: {why}")
    assert wrong == []
    assert sent >= 600
    await generator.ping()
    assert generator.unfinished == 0
    assert generator._processes.alive


SHAPES: list[tuple[dict[str, Any], Any]] = [
    ({"enum": ["yes", "no"]}, str),
    ({"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "maxItems": 3}, list),
    ({"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"], "maxProperties": 1}, dict),
    ({"type": "integer", "multipleOf": 5, "minimum": 0, "maximum": 100}, int),
]  # fmt: skip


@pytest.mark.parametrize("logprobs", [False, True])
async def test_what_is_taken_is_followed(service: Running, logprobs: bool) -> None:
    async with service.client() as http:
        for schema, kind in SHAPES:
            told = await _ask(http, schema, logprobs=logprobs)
            for choice in told["choices"]:
                assert isinstance(json.loads(choice["message"]["content"]), kind)


async def _ask(http: httpx.AsyncClient, schema: dict[str, Any], **fields: Any) -> Any:
    body = {
        "model": GENERATOR_NAME,
        "messages": [{"role": "user", "content": "Answer in JSON."}],
        "max_tokens": 48,
        "n": 2,
        "strategy": {"name": "best_of_n", "n": 2},
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    }
    reply = await http.post("/v1/chat/completions", json=body | fields)
    assert reply.status_code == 200, reply.text
    return reply.json()
