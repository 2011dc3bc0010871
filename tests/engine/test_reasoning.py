"""A model that thinks, on the real engines: the embedded generator held by a grammar to a thought and an answer."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from vllm.sampling_params import StructuredOutputsParams

from service.engine.vllm.sampling_params import sampling_params
from tests.engine.test_every_strategy import asked
from tests.service.fixtures import Running

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

HELD = r"<think>Is it 4[0-9]\? It is 4[0-9]\.</think>The answer is [1-3]\."


@pytest.fixture
async def http(service: Running, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Whatever is asked, the generator writes a thought full of forties, and an answer from 1 to 3."""

    def held(*args: Any, **kwargs: Any) -> Any:
        params = sampling_params(*args, **kwargs)
        params.structured_outputs = StructuredOutputsParams(regex=HELD)
        return params

    monkeypatch.setattr("service.engine.vllm.requests.sampling_params", held)
    async with httpx.AsyncClient(base_url=service.url, timeout=120, verify=False) as opened:
        yield opened


@pytest.mark.parametrize("name", ["majority", "best_of_n", "best_of_majority", "weighted_majority"])
async def test_thoughts_never_vote_are_not_scored_and_are_counted(http: httpx.AsyncClient, name: str) -> None:
    strategy = {"name": name, "n": 6, "explain": "full"} | (
        {} if name == "majority" else {"scorer": "outcome"}
    )
    body = asked(name, temperature=1.5, max_tokens=64)
    reply = (await http.post("/v1/chat/completions", json=body | {"strategy": strategy})).json()
    candidates = reply["nbest"]["candidates"]
    assert all(re.fullmatch(HELD, candidate["text"]) for candidate in candidates)
    assert {candidate["answer"] for candidate in candidates} <= {"1", "2", "3"}
    message = reply["choices"][0]["message"]
    assert re.fullmatch(r"The answer is [1-3]\.", message["content"])
    assert re.fullmatch(r"Is it 4\d\? It is 4\d\.", message["reasoning"])
    for candidate in candidates:
        if candidate["score"] is not None:
            said = candidate["text"].partition("</think>")[2]
            score = {"messages": body["messages"], "texts": [said], "scorer": "outcome"}
            alone = (await http.post("/v1/score", json=score)).json()["data"][0]["score"]
            assert candidate["score"] == pytest.approx(alone, abs=0.02)
    usage = reply["usage"]
    thought = usage["completion_tokens_details"]["reasoning_tokens"]
    assert 9 * len(candidates) <= thought < usage["completion_tokens"] - 4 * len(candidates)


@pytest.mark.parametrize("strategy", [None, {"name": "best_of_n", "n": 4}], ids=str)
async def test_a_stream_is_the_whole_reply(http: httpx.AsyncClient, strategy: dict[str, Any] | None) -> None:
    body = asked("single", temperature=0.0 if strategy is None else 1.0, max_tokens=64)
    body |= {} if strategy is None else {"strategy": strategy}
    whole = (await http.post("/v1/chat/completions", json=body)).json()["choices"][0]["message"]
    streamed = await http.post("/v1/chat/completions", json=body | {"stream": True})
    chunks = [
        line.removeprefix("data: ") for line in streamed.text.splitlines() if line.startswith("data: {")
    ]
    deltas = [httpx.Response(200, text=chunk).json()["choices"][0]["delta"] for chunk in chunks]
    assert whole["reasoning"]
    for part in ("content", "reasoning"):
        assert "".join(delta.get(part) or "" for delta in deltas) == whole[part]


async def test_cut_off_in_its_thought_a_candidate_is_invalid(http: httpx.AsyncClient) -> None:
    body = asked("majority", temperature=1.0, max_tokens=8) | {"strategy": {"name": "majority", "n": 3}}
    reply = (await http.post("/v1/chat/completions", json=body)).json()
    assert reply["nbest"]["degraded"] == "no_valid_candidate"
    assert {candidate["answer"] for candidate in reply["nbest"]["candidates"]} == {None}
