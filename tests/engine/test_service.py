"""The whole service on the real engines over a real socket: OpenAI's SDK, honest usage, agreement of its parts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from prometheus_client import REGISTRY

from service.embedded.problems.problems import chat, problems
from strategies.answers.steps import split_steps
from tests.engine.scoring_fixtures import Scoring
from tests.service.fixtures import Running, until

pytestmark = pytest.mark.engine

BEST = {"name": "best_of_n", "n": 8, "explain": "full"}
MESSAGES: Any = chat(problems("test", 2)[1])


@pytest.fixture
def running(service: Running) -> Running:
    return service


@pytest.fixture
async def client(running: Running) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=f"{running.url}/v1", api_key="unused", max_retries=0, timeout=120
    ) as opened:
        yield opened


async def ask(client: AsyncOpenAI, **fields: Any) -> Any:
    defaults = {"model": "smollm2-135m-instruct", "messages": MESSAGES, "max_tokens": 48, "temperature": 0.8}
    return await client.chat.completions.create(**defaults | fields)


def engine_tokens() -> tuple[float, float]:
    """vLLM's own counters: tokens generated, prompt tokens read."""
    names = ("vllm:generation_tokens_total", "vllm:prompt_tokens_total")
    found = {s.name: s.value for metric in REGISTRY.collect() for s in metric.samples if s.name in names}
    return found[names[0]], found[names[1]]


async def test_best_of_n_returns_the_highest_score_and_usage_equals_the_engines_counters(
    client: AsyncOpenAI,
) -> None:
    generated, read = engine_tokens()
    reply = await ask(client, extra_body={"strategy": BEST})
    after = engine_tokens()
    candidates = [c for c in reply.nbest["candidates"] if c["fate"] in ("selected", "kept")]
    winner = max(candidates, key=lambda candidate: candidate["score"])
    assert reply.choices[0].message.content == winner["text"]
    assert len(reply.nbest["candidates"]) == 8
    assert reply.usage.completion_tokens == after[0] - generated
    assert reply.usage.nbest["engine_prompt_tokens"] == after[1] - read


async def test_select_and_score_agree_with_best_of_n(client: AsyncOpenAI, running: Running) -> None:
    reply = await ask(client, n=3, extra_body={"strategy": BEST})
    told = reply.nbest
    texts = [candidate["text"] for candidate in told["candidates"]]
    async with running.client() as http:
        brought = [
            {"text": c["text"], "score": c["score"]}
            for c in told["candidates"]
            if c["finish_reason"] == "stop"
        ]
        picked = (
            await http.post("/v1/select", json={"strategy": BEST, "k": 3, "candidates": brought})
        ).json()
        scored = (await http.post("/v1/score", json={"messages": MESSAGES, "texts": texts})).json()
    winners = [brought[i]["text"] for i in picked["selected"]]
    assert winners == [choice.message.content for choice in reply.choices]
    for candidate, entry in zip(told["candidates"], scored["data"], strict=True):
        if candidate["score"] is not None:
            assert entry["score"] == pytest.approx(candidate["score"], abs=1e-4)


async def test_score_equals_transformers_on_the_same_checkpoint(running: Running, scoring: Scoring) -> None:
    texts = ["12 / 4 = 3\nThe answer is 3.", "12 / 4 = 4\nThe answer is 4.", "I do not know."]
    async with running.client() as http:
        reply = (await http.post("/v1/score", json={"messages": MESSAGES, "texts": texts})).json()
    expected = await asyncio.to_thread(_by_transformers, scoring.checkpoint, texts)
    assert [entry["score"] for entry in reply["data"]] == pytest.approx(expected, abs=1e-4)


def _by_transformers(checkpoint: Path, texts: list[str]) -> list[float]:
    """The usual recipe of a model card: template, tokenise, one forward pass, the first logit."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
    model: Any = AutoModelForSequenceClassification.from_pretrained(checkpoint, dtype=torch.float32).eval()
    scores = []
    for text in texts:
        chat = [*MESSAGES, {"role": "assistant", "content": text}]
        ids = tokenizer.apply_chat_template(chat, return_tensors="pt", return_dict=True)
        with torch.inference_mode():
            scores.append(float(model(**ids).logits[0, 0]))
    return scores


async def test_a_stream_of_a_single_sample_is_live(client: AsyncOpenAI) -> None:
    stream = await ask(client, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    pieces = [
        chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content
    ]
    assert len(pieces) > 3
    assert chunks[-1].usage.completion_tokens >= len(pieces)


CHOICE = {
    "type": "json_schema",
    "json_schema": {"name": "c", "schema": {"type": "object", "properties": {"a": {"enum": ["x", "y"]}},
                                            "required": ["a"], "additionalProperties": False}},
}  # fmt: skip


async def test_what_a_grammar_masks_has_the_lowest_log_probability(
    client: AsyncOpenAI, running: Running
) -> None:
    fields: dict[str, Any] = {"response_format": CHOICE, "logprobs": True, "top_logprobs": 5}
    reply = await ask(client, **fields)
    stream = await ask(client, **fields, stream=True)
    tokens = [*reply.choices[0].logprobs.content]
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].logprobs:
            tokens += chunk.choices[0].logprobs.content
    plain = {"model": "smollm2-135m-instruct", "prompt": "Choose: ", "max_tokens": 48, "logprobs": 5}
    async with running.client() as http:
        whole = await http.post("/v1/completions", json=plain | {"response_format": CHOICE})
    tops = [[top.logprob for top in token.top_logprobs] for token in tokens]
    tops += [list(top.values()) for top in whole.json()["choices"][0]["logprobs"]["top_logprobs"]]
    assert -9999.0 in [logprob for top in tops for logprob in top]
    assert all(-9999.0 <= logprob <= 0 for top in tops for logprob in top)


async def test_no_more_of_the_prompt_is_cached_than_there_is(client: AsyncOpenAI) -> None:
    await ask(client, n=8)
    usage = (await ask(client, n=8)).usage
    assert 0 < usage.prompt_tokens_details.cached_tokens <= usage.prompt_tokens
    assert usage.nbest["engine_cached_tokens"] > usage.prompt_tokens


async def test_usage_so_far_is_the_engines_own(client: AsyncOpenAI) -> None:
    options = {"include_usage": True, "continuous_usage_stats": True}
    chunks = [chunk async for chunk in await ask(client, stream=True, stream_options=options)]
    assert {chunk.usage.prompt_tokens for chunk in chunks} == {chunks[-1].usage.prompt_tokens}
    counts = [chunk.usage.completion_tokens for chunk in chunks]
    assert counts == sorted(counts)
    assert counts[0] == 0 < counts[-2] == counts[-1]


async def test_n_choices_without_a_strategy(client: AsyncOpenAI) -> None:
    reply = await ask(client, n=3)
    assert len(reply.choices) == 3


async def test_step_scores_come_one_a_line(client: AsyncOpenAI) -> None:
    reply = await ask(client, extra_body={"strategy": BEST | {"scorer": "step", "aggregation": "min"}})
    for candidate in reply.nbest["candidates"]:
        if candidate["step_scores"]:
            assert candidate["score"] == min(candidate["step_scores"])
            assert len(candidate["step_scores"]) == len(split_steps(candidate["text"], "\n"))


async def test_the_same_seed_draws_the_same_first_answer(client: AsyncOpenAI) -> None:
    replies = [await ask(client, seed=11, max_tokens=12) for _ in range(2)]
    assert replies[0].choices[0].message.content == replies[1].choices[0].message.content


async def test_a_budget_of_tokens_is_kept_and_flagged(client: AsyncOpenAI) -> None:
    strategy = BEST | {"budget": {"max_completion_tokens": 60}}
    reply = await ask(client, extra_body={"strategy": strategy, "ignore_eos": True})
    assert reply.nbest["degraded"] == "max_completion_tokens"
    assert 60 <= reply.usage.completion_tokens < 60 + 5 * 8


async def test_a_prompt_that_is_too_long_is_a_400(running: Running) -> None:
    body = {"model": "smollm2-135m-instruct", "messages": [{"role": "user", "content": "word " * 9000}]}
    async with running.client() as http:
        response = await http.post("/v1/chat/completions", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "messages")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_stops_the_engine(running: Running, stream: bool) -> None:
    body = {"model": "smollm2-135m-instruct", "messages": MESSAGES, "max_tokens": 900, "ignore_eos": True}
    async with running.client() as http:
        asking = asyncio.create_task(
            http.post(
                "/v1/chat/completions", json=body | {"strategy": BEST, "stream": stream, "temperature": 0.8}
            )
        )
        await until(lambda: running.engine.unfinished == 8, within_s=20)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await until(lambda: running.engine.unfinished == 0, within_s=1)


async def test_vllms_metrics_stand_beside_ours(running: Running) -> None:
    async with running.client() as http:
        page = (await http.get("/metrics")).text
    assert "vllm:num_requests_running" in page
    assert 'nbest_build_info{backend="vllm"' in page
