"""Every way a scorer can fail, by every policy: an error with its code, or a reply that names its degradation."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.reward_models.base.errors import PoolingFailed
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.pooling.head import Head
from service.reward_models.pooling.outcome import PooledOutcomeScorer
from service.reward_models.process.scorer import PooledStepScorer
from service.reward_models.process.steps import EndsOfSteps
from service.reward_models.reward_functions.scripted import ScriptedOutcomeScorer, ScriptedStepScorer
from strategies.base.ports import OutcomeScorer, StepScorer
from tests.service.fixtures import listening
from tests.service.reward_models.fakes import FakeEncoder, FakeModel, PieceTokenizer, fake_engine

TEXTS = ["the answer is 4", "I think that it is 5", "surely the answer is 4"]


@dataclass(frozen=True)
class Case:
    """A faulty scorer of each kind, and the word with which its failure is counted."""

    outcome: Callable[[], OutcomeScorer]
    step: Callable[[], StepScorer]
    reason: str
    code: str = "scorer_failed"


def pooled(reason: str, **model: Any) -> Case:
    def outcome() -> OutcomeScorer:
        return PooledOutcomeScorer("s", PieceTokenizer(), FakeModel(**model), Head(0))

    def step() -> StepScorer:
        return PooledStepScorer("s", EndsOfSteps(PieceTokenizer()), FakeModel(**model), Head(0))

    return Case(outcome, step, reason)


def on_engine(reason: str, code: str = "scorer_failed", longest: int = 1000, **encoder: Any) -> Case:
    def outcome() -> OutcomeScorer:
        engine = fake_engine(FakeEncoder(**encoder), max_model_len=longest)
        return PooledOutcomeScorer("s", PieceTokenizer(), engine, Head(0))

    def step() -> StepScorer:
        engine = fake_engine(FakeEncoder(**encoder), max_model_len=longest)
        return PooledStepScorer("s", EndsOfSteps(PieceTokenizer()), engine, Head(0))

    return Case(outcome, step, reason, code)


CASES: dict[str, Case] = {
    "raises": Case(
        lambda: ScriptedOutcomeScorer("s", fault="raise"),
        lambda: ScriptedStepScorer("s", fault="raise"),
        "error",
    ),
    "NaN": Case(
        lambda: ScriptedOutcomeScorer("s", fault="nan"),
        lambda: ScriptedStepScorer("s", fault="nan"),
        "not_finite",
    ),
    "a short answer": Case(
        lambda: ScriptedOutcomeScorer("s", fault="short"),
        lambda: ScriptedStepScorer("s", fault="short"),
        "length_mismatch",
    ),
    "a dead model": pooled("engine_dead", fails=PoolingFailed("its engine is gone", "engine_dead")),
    "NaN in the logits": pooled("not_finite", row=(float("nan"), 1.0)),
    "a dead engine": on_engine("engine_dead", errored=True),
    "an engine that dies": on_engine("error", fails=RuntimeError("out of memory")),
    "an aborted reading": on_engine("aborted", aborts=True),
    "an input that is too long": on_engine("too_long", "scorer_context_length_exceeded", longest=3),
}
ASKED: dict[str, Any] = {
    "model": "scripted",
    "messages": [{"role": "user", "content": "2 + 2?"}],
    "temperature": 1,
}


@asynccontextmanager
async def service(case: Case, kind: str) -> AsyncIterator[httpx.AsyncClient]:
    scorers = LoadedScorers(
        (ScorerInfo("s", "outcome" if kind == "outcome" else "step", "vllm", "m"),),
        outcomes={"s": case.outcome()} if kind == "outcome" else {},
        steps={"s": case.step()} if kind == "step" else {},
    )
    engine = ScriptedEngine(script=lambda prompt, index: TEXTS[index])
    async with listening(engine, scorers) as running, running.client() as client:
        yield client


def strategy(policy: str) -> dict[str, Any]:
    return {"name": "best_of_n", "n": 3, "scorer": "s", "on_scorer_error": policy}


@pytest.mark.parametrize("kind", ["outcome", "step"])
@pytest.mark.parametrize("name", list(CASES))
async def test_a_failing_scorer_is_an_error_or_a_named_degradation(name: str, kind: str) -> None:
    case = CASES[name]
    async with service(case, kind) as http:
        failed = await http.post("/v1/chat/completions", json=ASKED | {"strategy": strategy("fail")})
        flagged = {
            policy: await http.post("/v1/chat/completions", json=ASKED | {"strategy": strategy(policy)})
            for policy in ("majority", "logprob")
        }
        scored = await http.post(
            "/v1/score", json={"scorer": "s", "messages": ASKED["messages"], "texts": TEXTS}
        )
        page = (await http.get("/metrics")).text
    status = 400 if case.code == "scorer_context_length_exceeded" else 503
    for reply in (failed, scored):
        assert (reply.status_code, reply.json()["error"]["code"]) == (status, case.code)
        assert "'s'" in reply.json()["error"]["message"]
    for policy, reply in flagged.items():
        assert reply.status_code == 200
        assert reply.json()["nbest"]["degraded"] == f"scorer_failed_{policy}"
    assert f'nbest_scorer_errors_total{{reason="{case.reason}",scorer="s"}}' in page


SLOW = Case(
    lambda: ScriptedOutcomeScorer("s", fault="slow", delay_s=30),
    lambda: ScriptedStepScorer("s", fault="slow", delay_s=30),
    "",
)


@pytest.mark.parametrize("kind", ["outcome", "step"])
async def test_a_slow_scorer_is_an_error_where_the_request_prefers_one(kind: str) -> None:
    prefers = strategy("fail") | {"budget": {"deadline_ms": 300, "on_deadline": "error"}}
    given = {"strategy": prefers, "prompt": "2 + 2?", "candidates": [{"text": text} for text in TEXTS]}
    async with service(SLOW, kind) as http:
        drawn = await http.post("/v1/chat/completions", json=ASKED | {"strategy": prefers})
        selected = await http.post("/v1/select", json=given)
    for reply in (drawn, selected):
        assert (reply.status_code, reply.json()["error"]["code"]) == (504, "deadline_exceeded")


@pytest.mark.parametrize("kind", ["outcome", "step"])
async def test_a_slow_scorer_costs_its_scores_and_the_reply_says_so(kind: str) -> None:
    budget = strategy("fail") | {"budget": {"deadline_ms": 300}}
    async with service(SLOW, kind) as http:
        reply = await http.post("/v1/chat/completions", json=ASKED | {"strategy": budget})
    assert reply.status_code == 200
    told = reply.json()["nbest"]
    assert told["degraded"] == "deadline"
    assert [candidate["score"] for candidate in told["candidates"]] == [None] * 3


async def test_what_was_cut_to_fit_is_flagged_in_the_reply_and_by_text() -> None:
    cutting = Case(
        lambda: PooledOutcomeScorer(
            "s", PieceTokenizer(), FakeModel(max_model_len=14), Head(0), truncates=True
        ),
        lambda: ScriptedStepScorer("s"),
        "",
    )
    async with service(cutting, "outcome") as http:
        chosen = await http.post("/v1/chat/completions", json=ASKED | {"strategy": strategy("fail")})
        scored = await http.post(
            "/v1/score", json={"scorer": "s", "messages": ASKED["messages"], "texts": ["4", "word " * 20]}
        )
    assert chosen.json()["nbest"]["degraded"] == "scorer_input_truncated"
    assert [item.get("truncated") for item in scored.json()["data"]] == [None, True]
