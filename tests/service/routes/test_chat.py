"""Chat completions over a real socket: whole replies, strategies, explanations, failing scorers."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from service.engine.scripted.engine import ScriptedEngine
from tests.service.fixtures import Running, listening, scripted_scorers
from tests.service.routes.asking import BEST, post


async def test_a_plain_request_is_an_ordinary_completion(own_http: httpx.AsyncClient, own: Running) -> None:
    reply = (await post(own_http)).json()
    assert reply["object"] == "chat.completion"
    assert reply["choices"][0]["message"]["role"] == "assistant"
    assert "The answer is" in reply["choices"][0]["message"]["content"]
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
