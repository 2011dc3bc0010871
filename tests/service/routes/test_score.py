"""`/v1/score` and `/v1/select` over a socket: the scorer's own numbers, and the strategy's own selection."""

from typing import Any

import httpx
import pytest

from service.engine.scripted.engine import ScriptedEngine
from tests.service.fixtures import listening, scripted_scorers

QUESTION = {"messages": [{"role": "user", "content": "6 times 7?"}]}
BEST = {"name": "best_of_n"}


async def select(http: httpx.AsyncClient, candidates: list[dict[str, Any]], **fields: Any) -> httpx.Response:
    return await http.post("/v1/select", json={"strategy": BEST, "candidates": candidates} | fields)


async def test_outcome_scores_in_order(http: httpx.AsyncClient) -> None:
    texts = ["a [score=0.2]", "b [score=0.7]"]
    reply = (await http.post("/v1/score", json=QUESTION | {"texts": texts, "scorer": "outcome"})).json()
    assert [entry["score"] for entry in reply["data"]] == [0.2, 0.7]
    assert (reply["scorer"], reply["kind"]) == ("outcome", "outcome")
    assert reply["usage"]["reward_model_tokens"] == 4


async def test_step_scores_name_their_steps(http: httpx.AsyncClient) -> None:
    body = {"prompt": "6 times 7?", "texts": ["one\ntwo\nthr"], "scorer": "step"}
    [entry] = (await http.post("/v1/score", json=body)).json()["data"]
    assert entry["steps"] == ["one\n", "two\n", "thr"]
    assert len(entry["step_scores"]) == 3


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"texts": ["a"]}, 400),
        (QUESTION | {"texts": []}, 400),
        (QUESTION | {"texts": ["a"] * 257}, 400),
        (QUESTION | {"texts": ["a"], "scorer": "nobody"}, 404),
        (QUESTION | {"prompt": "x", "texts": ["a"]}, 400),
        (QUESTION | {"texts": ["a"], "extra": 1}, 400),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_a_wrong_score_request_is_told(
    http: httpx.AsyncClient, fields: dict[str, Any], status: int
) -> None:
    response = await http.post("/v1/score", json=fields)
    assert response.status_code == status
    assert response.json()["error"]["message"]


async def test_selection_uses_what_candidates_carry(http: httpx.AsyncClient) -> None:
    candidates = [{"text": "same", "score": s} for s in (0.2, 0.9, 0.4)]
    reply = (await select(http, candidates, k=2)).json()
    assert reply["selected"] == [1, 2]
    assert [candidate["score"] for candidate in reply["nbest"]["candidates"]] == [0.2, 0.9, 0.4]


async def test_step_scores_are_aggregated_as_the_strategy_says(http: httpx.AsyncClient) -> None:
    given = {"a": [0.9, 0.1], "b": [0.4, 0.5]}
    candidates: list[dict[str, Any]] = [{"text": text, "step_scores": steps} for text, steps in given.items()]
    low = (await select(http, candidates)).json()
    high = (await select(http, candidates, strategy=BEST | {"aggregation": "max"})).json()
    assert (low["selected"], high["selected"]) == ([1], [0])


async def test_what_a_candidate_lacks_is_scored(http: httpx.AsyncClient) -> None:
    candidates: list[dict[str, Any]] = [
        {"text": "a [score=0.3]"},
        {"text": "b", "score": 0.1},
        {"text": "c [score=0.2]"},
    ]
    reply = (await select(http, candidates, **QUESTION)).json()
    assert [candidate["score"] for candidate in reply["nbest"]["candidates"]] == [0.3, 0.1, 0.2]


async def test_an_unscored_candidate_without_a_question_is_refused(http: httpx.AsyncClient) -> None:
    response = await select(http, [{"text": "a", "score": 1.0}, {"text": "b"}])
    assert (response.status_code, response.json()["error"]["param"]) == (400, "candidates.1.score")


async def test_selection_and_a_real_best_of_n_agree() -> None:
    texts = [f"The answer is {i % 3}. [score=0.{i % 4}]" for i in range(8)]
    engine = ScriptedEngine(script=lambda prompt, index: texts[index])
    spec = {"name": "best_of_n", "n": 8, "explain": "full"}
    async with listening(engine, scripted_scorers()) as running, running.client() as http:
        body = {"model": "scripted", "n": 3, **QUESTION, "strategy": spec}
        drawn = (await http.post("/v1/chat/completions", json=body)).json()["nbest"]
        brought = [{"text": c["text"], "score": c["score"]} for c in drawn["candidates"]]
        chosen = (await select(http, brought, k=3)).json()
    assert chosen["selected"] == drawn["selected"]
    assert chosen["nbest"]["votes"] == drawn["votes"]
    assert chosen["nbest"]["tie"] == drawn["tie"]


async def test_no_scorer_is_needed_where_every_candidate_brings_a_score() -> None:
    async with listening(ScriptedEngine(), scripted_scorers("raise")) as running, running.client() as http:
        assert (await select(http, [{"text": "a", "score": 0.5}])).json()["selected"] == [0]
        assert (await select(http, [{"text": "a"}], **QUESTION)).status_code == 503
