"""Combined scorers and judges through HTTP: whole pools, weights, judge tokens, and what is refused by name."""

import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.judges.settings import RubricSettings
from service.settings import Settings
from strategies.base.types import Prompt
from tests.service.fixtures import Running, listening
from tests.service.reward_models.combined.test_ensemble import of, scripted
from tests.service.reward_models.combined.test_objectives import scorer as three_objectives
from tests.service.reward_models.judges.scripts import loaded
from tests.service.reward_models.judges.test_rubric import RUBRIC

ASK = {"model": "scripted", "messages": [{"role": "user", "content": "6 times 7?"}], "seed": 1}
ANSWERS = ("bad [score=0.1]", "good [score=0.9]", "good [score=0.9]", "fair [score=0.5]")


def script(prompt: Prompt, index: int) -> str:
    """Answers by index, and a judge that likes what is good."""
    question = prompt.messages[0].content if prompt.messages else ""
    if "Verdict: tie" in question:
        first, second = question.index("Answer A:"), question.index("Answer B:")
        one, other = question[first:second], question[second : question.index("Your task")]
        return f"Compared. Verdict: {'A' if 'good' in one else 'B' if 'good' in other else 'tie'}"
    if '"evidence"' in question:
        grade = 5 if "\ngood" in question else 2
        return json.dumps({"evidence": "so it is", "correct": grade, "brief": 1})
    if "Verdict: Yes" in question:
        return f"Checked. Verdict: {'Yes' if 'good' in question else 'No'}"
    return ANSWERS[index % len(ANSWERS)]


@asynccontextmanager
async def serving(
    *settings: dict[str, Any], extra: LoadedScorers | None = None, **limits: Any
) -> AsyncIterator[tuple[httpx.AsyncClient, Running]]:
    engine = ScriptedEngine(script=script)
    held = extra or loaded(*settings, generators={"scripted": engine})
    async with (
        listening(engine, held, Settings(limits=limits)) as running,
        running.client() as http,
    ):
        yield http, running


async def best(http: httpx.AsyncClient, **strategy: Any) -> httpx.Response:
    body = {**ASK, "strategy": {"name": "best_of_n", "n": 4, **strategy}}
    return await http.post("/v1/chat/completions", json=body)


def scores(reply: httpx.Response) -> list[float | None]:
    return [candidate["score"] for candidate in reply.json()["nbest"]["candidates"]]


async def test_a_normalised_ensemble_sees_all_candidates_at_once() -> None:
    async with serving(scripted("a"), of("a", normalisation="quantile")) as (http, _):
        reply = await best(http, scorer="all")
    # one bad, one fair, and the good answer that was drawn twice
    assert scores(reply) == [0.125, 0.75, 0.75, 0.375]
    assert reply.json()["choices"][0]["message"]["content"] == ANSWERS[1]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"backend": "pairwise", "opponents": None}, [0.25, 1.0, 1.0, 0.25]),
        (RUBRIC, [0.1875, 0.75, 0.75, 0.1875]),
        ({"backend": "likelihood"}, None),
        ({"backend": "rule", "rule": "length"}, [-2.0, -2.0, -2.0, -2.0]),
    ],
)
async def test_usage_counts_what_the_engine_generated(
    settings: dict[str, Any], wanted: list[float] | None
) -> None:
    async with serving({**settings, "name": "j"}) as (http, running):
        reply = await best(http, scorer="j")
        usage = reply.json()["usage"]
        details = usage["completion_tokens_details"]
        assert usage["completion_tokens"] == running.engine.generation_tokens
        assert usage["nbest"]["engine_prompt_tokens"] == running.engine.prompt_tokens
        drawn = sum(candidate["tokens"] for candidate in reply.json()["nbest"]["candidates"])
        assert details["judge_tokens"] == usage["completion_tokens"] - drawn
        assert details["selected_tokens"] + details["rejected_tokens"] == drawn
        assert (details["judge_tokens"] == 0) == (settings["backend"] == "rule")
    assert wanted is None or scores(reply) == wanted


@pytest.mark.parametrize("name", ["best_of_n", "weighted_majority", "best_of_majority", "fusion_of_n"])
async def test_any_strategy_of_outcome_scorers_takes_one_that_compares(name: str) -> None:
    async with serving({"name": "p", "backend": "pairwise"}) as (http, _):
        body = {**ASK, "strategy": {"name": name, "n": 4, "scorer": "p"}}
        reply = await http.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text


async def test_a_guard_cannot_be_a_comparison() -> None:
    async with serving({"name": "p", "backend": "pairwise"}) as (http, _):
        body = {**ASK, "strategy": {"name": "fusion_of_n", "n": 4, "scorer": "p", "guard": True}}
        reply = await http.post("/v1/chat/completions", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "strategy.scorer"


async def test_select_compares_the_candidates_that_it_is_given() -> None:
    async with serving({"name": "p", "backend": "pairwise"}) as (http, _):
        body = {
            "messages": ASK["messages"],
            "strategy": {"name": "best_of_n", "scorer": "p"},
            "candidates": [{"text": text} for text in ANSWERS],
        }
        reply = await http.post("/v1/select", json=body)
    assert reply.json()["selected"] == [1]


def objectives() -> LoadedScorers:
    infos = (
        ScorerInfo("mixed", "outcome", "objectives", "m"),
        ScorerInfo("plain", "outcome", "scripted", "s"),
    )
    plain = loaded(scripted("plain")).outcomes["plain"]
    return LoadedScorers(infos, outcomes={"mixed": three_objectives(), "plain": plain})


async def test_a_request_weighs_the_objectives() -> None:
    async with serving(extra=objectives()) as (http, _):
        reply = await best(http, scorer="mixed", objective_weights={"brief": 2.0})
    assert scores(reply) == [20.0] * 4


@pytest.mark.parametrize(
    ("strategy", "param", "message"),
    [
        (
            {"scorer": "mixed", "objective_weights": {"shrt": 1.0}},
            "strategy.objective_weights.shrt",
            "it has: helpful, brief, kind",
        ),
        (
            {"scorer": "plain", "objective_weights": {"brief": 1.0}},
            "strategy.objective_weights",
            "no objectives",
        ),
        ({"scorer": "mixed", "objective_weights": {}}, "strategy.objective_weights", "at least 1"),
        (
            {"scorer": "mixed", "objective_weights": {"brief": "x"}},
            "strategy.objective_weights.brief",
            "number",
        ),
        (
            {"scorer": "mixed", "objective_weights": {"brief": 0.0}},
            "strategy.objective_weights",
            "every weight is 0",
        ),
        ({"scorer": "none"}, "strategy.scorer", "loaded: mixed, plain"),
        (
            {"name": "early_rejection", "n": None, "scorer": "mixed"},
            "strategy.scorer",
            "loaded of that kind: none",
        ),
        (
            {"name": "fusion_of_n", "objective_weights": {"brief": 1.0}},
            "strategy.objective_weights",
            "this request asks none",
        ),
    ],
)
async def test_a_wrong_pair_or_weight_is_refused_before_anything_is_drawn(
    strategy: dict[str, Any], param: str, message: str
) -> None:
    async with serving(extra=objectives()) as (http, running):
        spec = {
            key: value
            for key, value in {"name": "best_of_n", "n": 4, **strategy}.items()
            if value is not None
        }
        reply = await http.post("/v1/chat/completions", json={**ASK, "strategy": spec})
        assert running.engine.generation_tokens == 0
    assert reply.status_code in (400, 404)
    assert reply.json()["error"]["param"] == param
    assert message in reply.json()["error"]["message"]


async def test_the_servers_limit_of_a_request_bounds_its_judges() -> None:
    async with serving({"name": "p", "backend": "pairwise", "opponents": None}, max_request_tokens=20) as (
        http,
        _,
    ):
        reply = await http.post(
            "/v1/chat/completions",
            json={**ASK, "max_tokens": 5, "strategy": {"name": "best_of_n", "n": 4, "scorer": "p"}},
        )
    assert reply.json()["usage"]["completion_tokens"] <= 20 + 12  # what was in flight as the limit was met
    assert reply.json()["nbest"]["degraded"] == "max_completion_tokens"


async def test_score_tells_what_its_judge_generated() -> None:
    async with serving({"name": "j", "backend": "generative"}) as (http, running):
        body = {"messages": ASK["messages"], "texts": ["good", "bad"]}
        reply = (await http.post("/v1/score", json=body)).json()
        assert reply["usage"] == {"reward_model_tokens": 0, "judge_tokens": running.engine.generation_tokens}
    # the script knows the probability of the word that it says and of no other
    assert [row["score"] for row in reply["data"]] == [0.5, 0.5]


async def test_scorers_are_listed_with_their_facts() -> None:
    settings = [
        scripted("a"),
        of("a", rule="wco", normalisation="zscore"),
        {"name": "p", "backend": "pairwise"},
        {"name": "g", "backend": "generative", "kind": "step"},
        {"name": "l", "backend": "likelihood", "rule": "confidence"},
        {"name": "w", "backend": "rule", "rule": "length"},
        {"name": "f", "backend": "remote", "api": "tei_rerank", "url": "http://127.0.0.1:9"},
        {**RUBRIC, "name": "r"},
    ]
    async with serving(*settings) as (http, _):
        data = {row["name"]: row for row in (await http.get("/v1/scorers")).json()["data"]}
    assert data["all"] == {
        "object": "scorer",
        "name": "all",
        "kind": "outcome",
        "backend": "ensemble",
        "model": "wco of a",
        "members": ["a"],
        "rule": "wco",
        "normalisation": "zscore",
        "compares": True,
    }
    assert (data["p"]["generator"], data["p"]["compares"]) == ("scripted", True)
    assert (data["g"]["kind"], data["g"]["step_delimiter"]) == ("step", "\n")
    assert (data["l"]["rule"], data["w"]["rule"], data["f"]["rule"]) == ("confidence", "length", "tei_rerank")
    assert data["r"]["objectives"] == [
        criterion.name for criterion in RubricSettings.model_validate(RUBRIC).criteria
    ]
    assert data["f"]["url"] == "http://127.0.0.1:9"


async def test_mean_log_probability_selects_what_the_generator_likes_most() -> None:
    async with serving({"name": "l", "backend": "likelihood"}) as (http, _):
        reply = await best(http, scorer="l")
    # tokens of the script: "bad" -0.3, " [score=0.1]" -1.2
    assert math.isclose(scores(reply)[0] or 0, -0.75)
