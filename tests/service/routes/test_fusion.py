"""Fusion over HTTP: what is streamed is the answer, live where it can be, and every token has its purpose."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest

from service.admission.settings import Limits
from service.engine.scripted.engine import ScriptedEngine
from service.engine.scripted.script import FAIL
from service.settings import Settings
from tests.service.fixtures import listening, until

ASK: dict[str, Any] = {
    "model": "scripted",
    "messages": [{"role": "user", "content": "What is 2 + 2?"}],
    "seed": 5,
}
FUSE = {"name": "fusion_of_n", "n": 3}
ANSWER = "It is four, as everybody knows. [score=0.8]"
GOOD = f"Comparison: the second is short.\nAnswer: [[{ANSWER}]]"
BEST = "text 2 [score=0.2]"


def fusing(reply: str = GOOD, token_s: float = 0.0) -> ScriptedEngine:
    """Three texts with rising scores, then the fusor's reply."""
    return ScriptedEngine(
        script=lambda prompt, index: f"text {index} [score=0.{index}]" if index < 3 else reply,
        token_s=token_s,
    )


async def post(http: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await http.post("/v1/chat/completions", json=ASK | {"strategy": FUSE} | fields)


async def streamed(http: httpx.AsyncClient, **fields: Any) -> tuple[list[str], list[Any]]:
    """The pieces of text of the first choice, and all chunks."""
    lines = (await post(http, stream=True, **fields)).text.splitlines()
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    choices = [choice for chunk in chunks for choice in chunk.get("choices", ()) if choice["index"] == 0]
    return [text for c in choices if (text := c["delta"].get("content"))], chunks


async def test_the_fused_answer_comes_back_and_every_token_has_its_purpose() -> None:
    engine = fusing()
    async with listening(engine) as running, running.client() as http:
        reply = (await post(http, strategy=FUSE | {"explain": "full"})).json()
    assert reply["choices"][0]["message"]["content"] == ANSWER
    told, usage = reply["nbest"], reply["usage"]
    assert (told["selected"], told["degraded"]) == ([3], None)
    assert [candidate.get("stage") for candidate in told["candidates"]] == [None, None, None, "fusion"]
    assert sorted(told["details"]["fusor_read"]) == [0, 1, 2]
    assert told["details"]["comparison"] == "the second is short."
    details = usage["completion_tokens_details"]
    assert details["fusion_tokens"] == told["candidates"][3]["tokens"] > 0
    assert (details["selected_tokens"], details["rejected_tokens"]) == (0, 9)
    assert sum(details.values()) == usage["completion_tokens"] == engine.generation_tokens
    assert usage["nbest"]["engine_prompt_tokens"] == engine.prompt_tokens
    assert set(told["time_ms"]) >= {"sample", "fusion"}


async def test_a_second_choice_counts_as_selected_and_the_sums_hold() -> None:
    engine = fusing()
    async with listening(engine) as running, running.client() as http:
        reply = (await post(http, n=2, strategy=FUSE | {"scorer": "outcome"})).json()
    assert [choice["message"]["content"] for choice in reply["choices"]] == [ANSWER, BEST]
    details = reply["usage"]["completion_tokens_details"]
    assert (details["selected_tokens"], details["rejected_tokens"]) == (3, 6)
    assert sum(details.values()) == reply["usage"]["completion_tokens"] == engine.generation_tokens


async def test_the_fused_answer_is_streamed_as_it_is_written_and_nothing_else_is() -> None:
    async with listening(fusing()) as running, running.client() as http:
        texts, chunks = await streamed(http)
    assert "".join(texts) == ANSWER
    assert len(texts) > 4
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["nbest"]["selected"] == [3]


async def test_its_first_words_come_before_its_last() -> None:
    async with listening(fusing(token_s=0.015)) as running, running.client() as http:
        came = []
        async with http.stream(
            "POST", "/v1/chat/completions", json=ASK | {"strategy": FUSE, "stream": True}
        ) as reply:
            async for line in reply.aiter_lines():
                if '"content":"' in line and '"content":""' not in line:
                    came.append(time.monotonic())
    assert came[-1] - came[0] > 0.04


STREAMS: list[tuple[str, dict[str, Any], str, str | None]] = [
    ("It is four.", {}, "text 0 [score=0.0]", "fusion_unparsed"),
    ("It is four.", {"strategy": FUSE | {"scorer": "outcome"}}, BEST, "fusion_unparsed"),
    (FAIL, {}, "text 0 [score=0.0]", "fusion_failed"),
    ("Answer: [[ ]]", {}, "text 0 [score=0.0]", "fusion_unparsed"),
    ("It is fine. Answer: [[four]]", {}, "four", None),
    ("Answer: [[It is four", {}, "It is four", "fusion_truncated"),
    ("Answer: [[a [[b]] c d e", {}, "a [[b", "fusion_truncated"),
    ("Answer: [[one]]\nAnswer: [[two]]", {}, "one", None),
    (GOOD, {"strategy": FUSE | {"guard": True}}, ANSWER, None),
    ("Answer: [[four [score=0.1]]]", {"strategy": FUSE | {"guard": True}}, BEST, None),
    (GOOD, {"strategy": FUSE | {"fusion_max_tokens": 8}}, "It is", "fusion_truncated"),
    (GOOD, {"strategy": FUSE | {"n": 1}}, "text 0 [score=0.0]", None),
]


@pytest.mark.parametrize(
    ("reply", "fields", "answer", "degraded"), STREAMS, ids=lambda value: str(value)[:50]
)
async def test_a_stream_and_a_whole_reply_say_the_same(
    reply: str, fields: dict[str, Any], answer: str, degraded: str | None
) -> None:
    async with listening(fusing(reply)) as running, running.client() as http:
        whole = (await post(http, **fields)).json()
        texts, chunks = await streamed(http, **fields)
    assert "".join(texts) == whole["choices"][0]["message"]["content"] == answer
    assert chunks[-1]["nbest"]["degraded"] == whole["nbest"]["degraded"] == degraded
    assert chunks[-1]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]


async def test_several_choices_are_streamed_at_the_end() -> None:
    async with listening(fusing()) as running, running.client() as http:
        texts, chunks = await streamed(http, n=3)
    assert texts == [ANSWER]
    assert {chunk["choices"][0]["index"] for chunk in chunks} == {0, 1, 2}


LONG = "Comparison: fine.\nAnswer: [[" + "word " * 400 + "]]"


@pytest.mark.parametrize("budget", [{"deadline_ms": 400}, {"max_completion_tokens": 30}], ids=str)
async def test_a_budget_that_ends_the_fusion_leaves_what_was_streamed(budget: dict[str, int]) -> None:
    engine = fusing(LONG, token_s=0.005)
    async with listening(engine) as running, running.client() as http:
        texts, chunks = await streamed(http, strategy=FUSE | {"budget": budget, "explain": "full"})
    final = chunks[-1]["nbest"]
    assert final["degraded"] == next(iter(budget)).removesuffix("_ms")
    assert "".join(texts) == final["candidates"][3]["text"]
    assert "word word" in "".join(texts)
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"
    assert engine.unfinished == 0


async def test_the_services_own_deadline_leaves_what_was_streamed_too() -> None:
    settings = Settings(limits=Limits(deadline_ms=400))
    async with listening(fusing(LONG, token_s=0.005), settings=settings) as running, running.client() as http:
        texts, chunks = await streamed(http, strategy=FUSE | {"explain": "full"})
    assert chunks[-1]["nbest"]["degraded"] == "deadline"
    assert "".join(texts) == chunks[-1]["nbest"]["candidates"][3]["text"] != ""


async def test_a_budget_that_is_spent_before_the_fusion_leaves_the_best_candidate() -> None:
    async with listening(fusing()) as running, running.client() as http:
        reply = (await post(http, strategy=FUSE | {"budget": {"max_completion_tokens": 9}})).json()
    assert reply["choices"][0]["message"]["content"] == "text 0 [score=0.0]"
    assert reply["nbest"]["degraded"] == "max_completion_tokens"


async def test_max_samples_limits_the_candidates_and_not_the_fusor() -> None:
    async with listening(fusing()) as running, running.client() as http:
        reply = (await post(http, strategy=FUSE | {"n": 3, "budget": {"max_samples": 3}})).json()
    assert (reply["choices"][0]["message"]["content"], reply["nbest"]["degraded"]) == (ANSWER, None)


async def test_an_engine_that_breaks_during_the_fusion_ends_the_stream_with_an_error() -> None:
    engine = fusing(LONG, token_s=0.01)
    async with listening(engine) as running, running.client() as http:
        asking = asyncio.create_task(streamed(http))
        await until(lambda: engine.generation_tokens > 25)
        engine.token_s = "no number"  # type: ignore[assignment]  # so that the next token fails
        _, chunks = await asking
    assert chunks[-1]["error"]["code"] == "internal_error"


async def test_a_client_that_leaves_during_the_fusion_stops_the_engine() -> None:
    engine = fusing(LONG, token_s=0.01)
    async with listening(engine) as running, running.client() as http:
        asking = asyncio.create_task(streamed(http))
        await until(lambda: engine.generation_tokens > 25)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: not engine.unfinished, within_s=1)


async def test_plain_completions_are_fused_and_streamed_too() -> None:
    body = {"model": "scripted", "prompt": "2 + 2 is", "strategy": FUSE, "max_tokens": 9}
    async with listening(fusing()) as running, running.client() as http:
        whole = (await http.post("/v1/completions", json=body)).json()
        lines = (await http.post("/v1/completions", json=body | {"stream": True})).text.splitlines()
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    assert whole["choices"][0]["text"] == "".join(c["choices"][0]["text"] for c in chunks) == ANSWER
    assert (await _refused_logprobs(body))["param"] == "logprobs"


async def _refused_logprobs(body: dict[str, Any]) -> Any:
    """Zero alternatives are still log-probabilities."""
    async with listening(fusing()) as running, running.client() as http:
        return (await http.post("/v1/completions", json=body | {"logprobs": 0})).json()["error"]


async def test_a_named_fusor_writes_the_answer_and_closes_with_the_service() -> None:
    generator, large = fusing("never asked"), fusing()
    async with listening(generator, fusors={"large": large}) as running, running.client() as http:
        texts, chunks = await streamed(
            http, strategy=FUSE | {"fusor": "large"}, stream_options={"include_usage": True}
        )
        unknown = (await post(http, strategy=FUSE | {"fusor": "huge"})).json()["error"]
        large.dead = True
        assert (await http.get("/ready")).status_code == 503
    assert "".join(texts) == ANSWER
    usage = chunks[-1]["usage"]
    assert usage["completion_tokens"] == generator.generation_tokens + large.generation_tokens
    assert usage["completion_tokens_details"]["fusion_tokens"] == large.generation_tokens
    assert unknown["param"] == "strategy.fusor"
    assert "configured are: large" in unknown["message"]


async def test_a_selection_among_given_candidates_does_not_fuse() -> None:
    body = {"strategy": {"name": "fusion_of_n"}, "candidates": [{"text": "a"}, {"text": "b"}]}
    async with listening(fusing()) as running, running.client() as http:
        response = await http.post("/v1/select", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "strategy")
