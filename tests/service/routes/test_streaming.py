"""Streams on a real socket: live text, chosen text, errors before and after the first text, clients that leave."""

import asyncio
from typing import Any

import httpx
import pytest

from service.engine.scripted.engine import ScriptedEngine
from tests.service.fixtures import Running, listening, scripted_scorers, until
from tests.service.routes.asking import BEST, events, post


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
    engine.token_s = "no number"  # type: ignore[assignment]  # so that the next token fails


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
    monkeypatch.setattr("service.routes.generation.HEADERS_S", 0.01)
    engine = ScriptedEngine(script=lambda prompt, index: "a b c d", token_s=0.05)
    async with listening(engine) as running, running.client() as http:
        response = await post(http, stream=True, strategy=BEST)
    assert response.text.startswith(": keep-alive\n\n")
    assert response.text.endswith("data: [DONE]\n\n")
