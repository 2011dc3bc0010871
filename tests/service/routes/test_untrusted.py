"""What a caller must not choose is refused by name: addresses, templates, engine options, ids, salts, tensors."""

import asyncio
from typing import Any

import httpx
import pytest

from service.engine.scripted.engine import ScriptedEngine
from strategies.base.types import Prompt
from tests.service.fixtures import listening
from tests.service.routes.asking import ASK, post

MINE = "http://attacker.invalid/"
FORBIDDEN: dict[str, Any] = {
    # an address of the caller's, for the service to call with its own credentials
    "base_url": MINE, "api_base": MINE, "model_base_url": MINE, "endpoint": MINE, "callback_url": MINE, "api_key": "k",
    # a template, or a way to one
    "chat_template": "{{ x }}", "documents": [],
    "add_generation_prompt": False, "continue_final_message": True, "add_special_tokens": False,
    # options of the engine
    "cache_salt": "x", "priority": -1, "request_id": "x", "kv_transfer_params": {}, "vllm_xargs": {}, "extra_args": {},
    "mm_processor_kwargs": {}, "prompt_logprobs": 1, "return_token_ids": True, "truncate_prompt_tokens": 1,
    "allowed_token_ids": [1], "bad_words": ["x"], "logits_processors": ["os:system"], "lora_request": {},
    "trust_remote_code": True,
    # grammars and tensors, which have killed engines
    "guided_regex": "((a+)+)+b", "guided_grammar": "x", "structured_outputs": {"regex": "a"}, "prompt_embeds": "AAAA",
}  # fmt: skip


@pytest.mark.parametrize("name", FORBIDDEN)
async def test_it_is_not_the_callers_to_choose(http: httpx.AsyncClient, name: str) -> None:
    for told in (
        await post(http, **{name: FORBIDDEN[name]}),
        await http.post("/v1/completions", json={"model": "scripted", "prompt": "x", name: FORBIDDEN[name]}),
    ):
        error = told.json()["error"]
        assert (told.status_code, error["code"], error["param"]) == (400, "unknown_parameter", name)


@pytest.mark.parametrize("name", ["chat_template", "tokenize", "messages", "tools", "add_generation_prompt"])
async def test_nor_in_the_variables_of_the_template(http: httpx.AsyncClient, name: str) -> None:
    told = await post(http, chat_template_kwargs={name: "{{ x }}"})
    assert (told.status_code, told.json()["error"]["param"]) == (400, f"chat_template_kwargs.{name}")


@pytest.mark.parametrize("name", ["base_url", "model", "api_key", "chat_template", "template", "url"])
async def test_nor_in_the_strategy(http: httpx.AsyncClient, name: str) -> None:
    told = await post(http, strategy={"name": "best_of_n", name: MINE})
    assert (told.status_code, told.json()["error"]["param"]) == (400, f"strategy.{name}")


async def test_a_picture_by_its_address_is_fetched_by_nobody(http: httpx.AsyncClient) -> None:
    content = [{"type": "image_url", "image_url": {"url": MINE}}]
    told = await post(http, messages=[{"role": "user", "content": content}])
    assert told.status_code == 400


async def test_one_id_for_all_mixes_nobodys_answers() -> None:
    """Two hundred at once under one outside id: each gets its own answer back (CVE-2026-105755)."""

    def echo(prompt: Prompt, index: int) -> str:
        return f"canary {prompt.messages[-1].content}"

    async def ask(http: httpx.AsyncClient, number: int) -> tuple[str, str]:
        body = ASK | {"messages": [{"role": "user", "content": f"n{number}"}]}
        told = await http.post("/v1/chat/completions", json=body, headers={"x-request-id": "mine"})
        assert told.headers["x-client-request-id"] == "mine"
        return told.json()["choices"][0]["message"]["content"], told.headers["x-request-id"]

    async with listening(ScriptedEngine(script=echo)) as running, running.client() as http:
        replies = await asyncio.gather(*(ask(http, number) for number in range(200)))
    assert [text for text, _ in replies] == [f"canary n{number}" for number in range(200)]
    assert len({id for _, id in replies}) == 200


@pytest.mark.parametrize("depth", [63, 64, 65, 500])
async def test_nesting_has_an_end(http: httpx.AsyncClient, depth: int) -> None:
    """The body is one level, `metadata` the rest: at the limit refused for what it is, beyond for its depth."""
    value: Any = "x"
    for _ in range(depth - 1):
        value = {"a": value}
    told = await post(http, metadata=value)
    assert told.status_code == 400
    assert ("nested deeper" in told.json()["error"]["message"]) == (depth > 64)


async def test_more_messages_than_allowed_are_refused_everywhere(http: httpx.AsyncClient) -> None:
    many = [{"role": "user", "content": "x"}] * 1025
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/v1/chat/completions", {"model": "scripted"}),
        ("/v1/score", {"texts": ["x"]}),
        ("/v1/select", {"strategy": {"name": "best_of_n"}, "candidates": [{"text": "x"}]}),
    ]
    for path, body in bodies:
        told = await http.post(path, json=body | {"messages": many})
        assert (told.status_code, told.json()["error"]["param"]) == (400, "messages")


async def test_a_question_before_too_many_texts_is_too_much_to_read(http: httpx.AsyncClient) -> None:
    told = await http.post("/v1/score", json={"prompt": "x" * 100_000, "texts": ["y"] * 256})
    assert (told.status_code, told.json()["error"]["param"]) == (400, "texts")
