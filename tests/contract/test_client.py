"""Our client against our server over a real socket: they share no code, and these tests hold them together."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from nbest_client import (
    AsyncClient,
    BestOfN,
    CandidateInput,
    Client,
    Custom,
    Explanation,
    InvalidRequest,
    openai_extra_body,
)
from openai import AsyncOpenAI
from pydantic import BaseModel

from strategies.catalog import CATALOG
from tests.contract.client.schemas import TYPED
from tests.service.fixtures import Running

QUESTION = "What is 6 times 7?"


@pytest.fixture(scope="module")
async def client(shared: Running) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(shared.url, max_retries=0) as opened:
        yield opened


def untyped(told: object, where: str = "") -> list[str]:
    """Everything that the server said and no field of the client holds."""
    if isinstance(told, BaseModel):
        extra = [f"{where}.{name}" for name in told.model_extra or {}]
        inside = [untyped(value, f"{where}.{name}") for name, value in told]
        return extra + [name for names in inside for name in names]
    if isinstance(told, tuple):
        return [name for item in told for name in untyped(item, where)]
    return []


@pytest.mark.parametrize("name", CATALOG)
async def test_every_strategy_answers_and_the_client_knows_all_that_is_said(
    client: AsyncClient, name: str
) -> None:
    answer = await client.generate(QUESTION, strategy=TYPED[name](explain="full"), temperature=0.8)
    assert answer.text
    assert answer.explanation is not None
    assert answer.explanation.strategy == name
    assert untyped(answer) == []
    assert name in str(answer)
    assert "<table>" in answer._repr_html_()
    assert (answer.request_id or "").startswith("req_")


@pytest.mark.parametrize("name", CATALOG)
async def test_a_stream_ends_in_the_same_result_as_a_whole_reply(client: AsyncClient, name: str) -> None:
    strategy = TYPED[name](explain="full")
    whole = await client.generate(QUESTION, strategy=strategy, temperature=0.8, seed=1)
    async with client.stream(QUESTION, strategy=strategy, temperature=0.8, seed=1) as stream:
        pieces = [piece async for piece in stream]
    assert "".join(piece.text for piece in pieces) == stream.result.text == whole.text
    theirs, ours = stream.result.explanation, whole.explanation
    assert theirs is not None
    assert ours is not None
    assert (theirs.selected, theirs.candidates, theirs.votes) == (ours.selected, ours.candidates, ours.votes)
    assert stream.result.usage is not None
    assert whole.usage is not None
    assert stream.result.usage.completion_tokens == whole.usage.completion_tokens
    assert untyped(stream.result) == []


async def test_several_choices_and_their_logprobs(client: AsyncClient) -> None:
    answer = await client.generate(QUESTION, n=3, temperature=0.8, logprobs=True, top_logprobs=1)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert "".join(token["token"] for token in logprobs["content"]) == answer.text
    assert answer.explanation is None


async def test_scores_of_both_kinds(client: AsyncClient) -> None:
    texts = ["good [score=0.9]", "bad\nworse [score=0.1]"]
    scores = await client.score(QUESTION, texts, scorer="outcome")
    assert [item.score for item in scores.data] == [0.9, 0.1]
    steps = await client.score(QUESTION, texts, scorer="step")
    assert [len(item.step_scores or ()) for item in steps.data] == [1, 2]
    assert steps.data[1].steps == ("bad\n", "worse [score=0.1]")
    assert [*untyped(scores), *untyped(steps)] == []
    assert "bad ⏎ worse" in str(scores)


async def test_select(client: AsyncClient) -> None:
    scored = [CandidateInput(text="a", score=0.1), CandidateInput(text="b", score=0.9)]
    assert (await client.select(scored, strategy=BestOfN())).texts == ["b"]
    asked = await client.select(
        ["x [score=0.2]", "y [score=0.8]", "z [score=0.5]"], strategy=BestOfN(), messages=QUESTION, k=2
    )
    assert asked.selected == (1, 2)
    assert asked.texts == ["y [score=0.8]", "z [score=0.5]"]
    assert untyped(asked) == []


async def test_what_is_served(client: AsyncClient) -> None:
    models = await client.models()
    assert [model.id for model in models] == ["scripted", "careful"]
    assert models[1].nbest == {"name": "best_of_n", "n": 4}
    assert [scorer.name for scorer in await client.scorers()] == ["outcome", "step"]
    assert untyped(tuple(models)) == untyped(tuple(await client.strategies())) == []


async def test_presets_and_unknown_strategies(client: AsyncClient) -> None:
    preset = await client.generate(QUESTION, model="careful", temperature=0.8)
    assert preset.explanation is not None
    assert len(preset.explanation.candidates) == 4
    custom = await client.generate(QUESTION, strategy=Custom("best_of_n", n=3), temperature=0.8)
    assert custom.explanation is not None
    assert len(custom.explanation.candidates) == 3


async def test_compare(client: AsyncClient) -> None:
    told = await client.compare(QUESTION, [None, BestOfN(n=4), Custom("nothing")], temperature=0.8)
    assert [row.strategy for row in told.rows] == ["no strategy", "best_of_n(n=4)", "nothing"]
    assert told.rows[1].result is not None
    assert isinstance(told.rows[2].error, InvalidRequest)
    assert "InvalidRequest: strategy.name" in str(told)


async def test_the_client_that_waits(shared: Running) -> None:
    def ask() -> list[str]:
        with Client(shared.url) as waiting:
            scored = waiting.score(QUESTION, ["good [score=0.9]"])
            chosen = waiting.select([CandidateInput(text="a", score=1.0)], strategy=BestOfN())
            told = waiting.compare(QUESTION, [BestOfN(n=2), None], temperature=0.8, seed=1)
            with waiting.stream(QUESTION, strategy=BestOfN(n=2), temperature=0.8, seed=1) as stream:
                streamed = "".join(map(str, stream))
            assert streamed == told.results[0].text == stream.result.text
            assert scored.data[0].score == 0.9
            assert chosen.selected == (0,)
            assert waiting.scorers()
            assert waiting.strategies()
            return [model.id for model in waiting.models()]

    assert await asyncio.to_thread(ask) == ["scripted", "careful"]


async def test_the_openai_sdk_with_our_strategies(shared: Running) -> None:
    async with AsyncOpenAI(base_url=f"{shared.url}/v1", api_key="unused", max_retries=0) as sdk:
        reply: Any = await sdk.chat.completions.create(
            model="scripted",
            messages=[{"role": "user", "content": QUESTION}],
            extra_body=openai_extra_body(BestOfN(n=4)),
        )
    explanation = Explanation.model_validate(reply.nbest)
    assert explanation.strategy == "best_of_n"
    assert len(explanation.candidates) == 4
