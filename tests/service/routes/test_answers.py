"""Voting over HTTP: selections by every rule, answers as the request describes them, and draws that stop early."""

from typing import Any

import httpx
import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.equivalence.pool import CheckLimits
from tests.service.fixtures import Running, listening

QUESTION = {"messages": [{"role": "user", "content": "6 times 7?"}]}
SCORED = [("1", 0.2), ("2", 0.9), ("1", 0.4), ("3", 1.0), ("1", 0.3), ("2", 0.5)]
CANDIDATES = [{"text": f"The answer is {answer}.", "score": score} for answer, score in SCORED]


async def select(
    http: httpx.AsyncClient, strategy: dict[str, Any], candidates: Any = None, **fields: Any
) -> Any:
    body = {"strategy": strategy, "candidates": candidates or CANDIDATES, **fields}
    response = await http.post("/v1/select", json=body)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(
    ("strategy", "selected"),
    [
        ({"name": "majority"}, [2, 1, 3]),
        ({"name": "weighted_majority"}, [1, 3, 2]),
        ({"name": "best_of_majority"}, [1, 2]),
        ({"name": "best_of_majority", "fill": True}, [1, 2, 3]),
        ({"name": "best_of_n"}, [3, 1, 5]),
        ({"name": "best_of_n", "per": "answer"}, [3, 1, 2]),
        ({"name": "best_of_n", "per": "answer", "group_reward": "sum"}, [1, 3, 2]),
    ],
    ids=str,
)
async def test_select_runs_the_strategys_own_code(
    http: httpx.AsyncClient, strategy: dict[str, Any], selected: list[int]
) -> None:
    assert (await select(http, strategy, k=3))["selected"] == selected


async def test_a_selection_reads_every_candidate_however_early_the_vote_is_decided(
    http: httpx.AsyncClient,
) -> None:
    given = [{"text": "x", "answer": "1"}] * 12 + [{"text": "x", "answer": "2"}] * 20
    reply = await select(http, {"name": "majority", "n": 4}, given)
    assert reply["selected"] == [12]
    assert [vote["count"] for vote in reply["nbest"]["votes"]] == [20, 12]


async def test_the_gate_counts_the_candidates_that_were_brought(http: httpx.AsyncClient) -> None:
    given = [{"text": f"{i}", "answer": "1" if i < 3 else str(i), "score": 0.5} for i in range(1000)]
    reply = await select(http, {"name": "best_of_majority", "n": 4}, given)
    assert reply["nbest"]["details"] == {"bar": 5, "survivors": 0}
    assert reply["nbest"]["degraded"] == "threshold_relaxed"
    assert reply["selected"] == [0]


async def test_only_survivors_are_sent_to_the_scorer(http: httpx.AsyncClient) -> None:
    given = [{"text": f"{i} so the answer is {a}"} for i, a in enumerate("11223")]
    reply = await select(http, {"name": "best_of_majority"}, given, **QUESTION)
    assert [candidate["score"] is None for candidate in reply["nbest"]["candidates"]] == [False] * 4 + [True]


@pytest.mark.parametrize(
    ("answer", "selected"),
    [
        ({"form": "last_number"}, [0]),
        ({"form": "boxed"}, [1]),
        ({"form": "json", "field": "n"}, [1]),
        ({"form": "pattern", "pattern": "#(\\d)"}, [1]),
        ({"form": "choice"}, [2]),
    ],
    ids=str,
)
async def test_the_answer_is_found_as_the_request_says(
    http: httpx.AsyncClient, answer: dict[str, str], selected: list[int]
) -> None:
    given = [{"text": text} for text in ("1 9", '\\boxed{2} {"n": 2} #2 9', '\\boxed{2} {"n": 2} #2 (C) 8')]
    assert (await select(http, {"name": "majority", "answer": answer}, given))["selected"] == selected


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"answer": {"form": "pattern", "pattern": "("}}, "strategy.answer.pattern"),
        ({"answer": {"form": "pattern"}}, "strategy.answer.pattern"),
        ({"answer": {"shape": "boxed"}}, "strategy.answer.shape"),
        ({"equivalence": "magic"}, "strategy.equivalence"),
    ],
    ids=str,
)
async def test_a_wrong_answer_form_is_told(
    http: httpx.AsyncClient, fields: dict[str, Any], param: str
) -> None:
    body = {"strategy": {"name": "majority", **fields}, "candidates": CANDIDATES}
    response = await http.post("/v1/select", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert len(response.content) < 1000


@pytest.mark.usefixtures("little_cpu")
async def test_mathematics_merges_groups_and_a_hostile_answer_spoils_nothing() -> None:
    stated = ["3", "1/2", "0.5", "3", r"\frac{1}{2}", "9^{9^{9^9}}"]
    given = [{"text": f"\\boxed{{{answer}}}"} for answer in stated]
    async with listening(ScriptedEngine()) as running, running.client() as http:
        _be_patient(running)
        exact = await select(http, {"name": "majority"}, given)
        reply = await select(http, {"name": "majority", "equivalence": "math"}, given)
    assert exact["selected"] == [0]
    assert reply["selected"] == [1]
    assert [vote["count"] for vote in reply["nbest"]["votes"]] == [3, 2, 1]
    assert reply["nbest"]["degraded"] == "equivalence_undecided"


def _be_patient(running: Running) -> None:
    """On a machine that is busy with other tests two seconds may be too few for an innocent answer."""
    checker = running.app.state.service.runner.equivalence
    checker._limits = CheckLimits(item_s=20, request_s=90)


async def test_a_decided_vote_stops_the_draw_and_every_token_is_counted() -> None:
    engine = ScriptedEngine(script=lambda prompt, i: "so " * (i * 9) + "The answer is 4.", token_s=0.002)
    body = {"model": "scripted", **QUESTION, "strategy": {"name": "majority", "n": 8}}
    async with listening(engine) as running, running.client() as http:
        reply = (await http.post("/v1/chat/completions", json=body)).json()
    assert reply["nbest"]["selected"] == [0]
    assert reply["nbest"]["details"] == {"stopped_early": 4}
    assert engine.unfinished == 0
    assert reply["usage"]["completion_tokens"] == engine.generation_tokens
    assert reply["usage"]["nbest"]["engine_prompt_tokens"] == engine.prompt_tokens
    assert sum(reply["usage"]["completion_tokens_details"].values()) == engine.generation_tokens
    # The whole draw would have been 8 answers of 4 words and 9 more for each place.
    assert engine.generation_tokens < 8 * 4 + 9 * 28
