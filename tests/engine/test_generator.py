"""Candidates from the real engine: every field of a decoding is honoured, and nothing outlives its block."""

import asyncio
import json
import time
from dataclasses import replace

import pytest

from service.engine.vllm.engine import VllmEngine
from strategies.base.errors import InvalidRequest
from strategies.base.ports import Delta
from strategies.base.types import Candidate, Decoding, Message, Prompt
from tests.engine.conftest import MAX_MODEL_LEN, ask, running

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

STORY = "Tell me a story about a ship."
ABORT_S = 1.0


async def drawn(engine: VllmEngine, prompt: Prompt, n: int, start: int = 0) -> list[Candidate]:
    async with engine.sample(prompt, n, start=start) as candidates:
        found = [candidate async for candidate in candidates]
    return sorted(found, key=lambda candidate: candidate.index)


async def one(engine: VllmEngine, decoding: Decoding, question: str = STORY) -> Candidate:
    (candidate,) = await drawn(engine, ask(question, decoding), 1)
    return candidate


async def test_candidates_arrive_in_order_of_ending_with_all_they_cost(generator: VllmEngine) -> None:
    prompt = ask("What is 3 + 4?", Decoding(max_tokens=48, logprobs=2))
    async with generator.sample(prompt, 6, start=10) as stream:
        found = [candidate async for candidate in stream]
    assert sorted(candidate.index for candidate in found) == list(range(10, 16))
    assert [c.tokens for c in found] == sorted(c.tokens for c in found)
    for candidate in found:
        assert candidate.tokens == len(candidate.token_ids) == len(candidate.logprobs)
        assert candidate.prompt_tokens == len(generator.tokenizer.prompt_ids(prompt))
        assert candidate.logprob == pytest.approx(sum(token.logprob for token in candidate.logprobs))
        assert [token.token_id for token in candidate.logprobs] == list(candidate.token_ids)
        for token in candidate.logprobs:
            assert len(token.top) == 2
            assert token.top[0][2] >= token.top[1][2]
    assert len({candidate.text for candidate in found}) > 1
    again = await drawn(generator, replace(prompt, decoding=Decoding(max_tokens=4)), 1)
    assert again[0].cached_tokens > 0
    assert again[0].logprob is None
    assert again[0].logprobs == ()


async def test_what_is_streamed_is_what_is_returned(generator: VllmEngine) -> None:
    deltas: list[Delta] = []
    prompt = ask(STORY, Decoding(max_tokens=24, logprobs=0))
    async with generator.sample(prompt, 3, on_delta=deltas.append) as stream:
        found = [candidate async for candidate in stream]
    assert len(deltas) > len(found)
    for candidate in found:
        own = [delta for delta in deltas if delta.index == candidate.index]
        assert "".join(delta.text for delta in own) == candidate.text
        assert sum(delta.tokens for delta in own) == candidate.tokens
        assert tuple(token for delta in own for token in delta.logprobs) == candidate.logprobs


async def test_a_seed_is_the_candidates_own(generator: VllmEngine) -> None:
    """Compared alone in the engine: in bfloat16 the company in a batch changes the probabilities a little."""
    decoding = Decoding(max_tokens=16, temperature=1.5, seed=11)
    first, again = [await drawn(generator, ask(STORY, decoding), 1, start=3) for _ in range(2)]
    assert first[0].token_ids == again[0].token_ids
    other_index = await drawn(generator, ask(STORY, decoding), 1, start=4)
    other_seed = await drawn(generator, ask(STORY, replace(decoding, seed=12)), 1, start=3)
    assert len({first[0].token_ids, other_index[0].token_ids, other_seed[0].token_ids}) == 3


async def test_every_field_of_a_decoding_reaches_the_engine(generator: VllmEngine) -> None:
    greedy = Decoding(temperature=0, max_tokens=40)
    plain = await one(generator, greedy)
    assert plain.finish_reason == "length"
    assert plain.tokens == 40
    for narrow in (Decoding(top_k=1), Decoding(top_p=0.01), Decoding(min_p=1.0)):
        likeliest = await one(generator, replace(narrow, temperature=2.0, max_tokens=12, logprobs=1))
        assert [token.logprob for token in likeliest.logprobs] == [
            token.top[0][2] for token in likeliest.logprobs
        ]
    word = plain.text.split()[5]
    stopped = await one(generator, replace(greedy, stop=(word,)))
    assert stopped.finish_reason == "stop"
    assert stopped.text == plain.text[: plain.text.index(word)]
    by_id = await one(generator, replace(greedy, stop_token_ids=(plain.token_ids[7],)))
    assert by_id.finish_reason == "stop"
    assert by_id.tokens <= 8
    forced = await one(generator, replace(greedy, logit_bias={plain.token_ids[9]: 100.0}, max_tokens=5))
    assert set(forced.token_ids) == {plain.token_ids[9]}
    spread = await one(
        generator, replace(greedy, repetition_penalty=2.0, presence_penalty=2.0, frequency_penalty=2.0)
    )
    assert len(set(spread.token_ids)) > len(set(plain.token_ids))


async def test_top_h_keeps_to_likely_tokens(generator: VllmEngine) -> None:
    hot = Decoding(temperature=2.0, max_tokens=30, ignore_eos=True, logprobs=0)
    free = await one(generator, hot)
    bounded = await one(generator, replace(hot, top_h=0.2))
    assert free.logprob is not None
    assert bounded.logprob is not None
    assert bounded.logprob > free.logprob + 30


async def test_a_short_answer_goes_on_where_it_must(generator: VllmEngine) -> None:
    greedy = Decoding(temperature=0, max_tokens=120)
    short = await one(generator, greedy, "What is 3 + 4? Say only the number.")
    assert short.finish_reason == "stop"
    longer = await one(
        generator, replace(greedy, min_tokens=short.tokens + 10), "What is 3 + 4? Say only the number."
    )
    assert longer.tokens >= short.tokens + 10
    endless = replace(greedy, ignore_eos=True, max_tokens=short.tokens + 20)
    assert (await one(generator, endless, "What is 3 + 4? Say only the number.")).finish_reason == "length"


async def test_a_schema_shapes_the_answer(generator: VllmEngine) -> None:
    candidate = await one(
        generator, Decoding(max_tokens=20, json_schema=json.dumps({"enum": ["red", "green"]}))
    )
    assert json.loads(candidate.text) in ("red", "green")


@pytest.mark.parametrize(
    ("decoding", "param"),
    [
        (Decoding(top_h=2.0), "top_h"),
        (Decoding(temperature=-1.0), "temperature"),
        (Decoding(top_p=2.0), "top_p"),
        (Decoding(max_tokens=0), "max_tokens"),
        (Decoding(logprobs=500, max_tokens=1), "logprobs"),
        (Decoding(logit_bias={10**6: 1.0}, max_tokens=1), "logit_bias"),
        (Decoding(json_schema='{"type": "nonsense"}', max_tokens=1), "response_format"),
    ],
)
async def test_what_cannot_be_honoured_is_refused_by_name(
    generator: VllmEngine, decoding: Decoding, param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await drawn(generator, ask(STORY, decoding), 2)
    assert refused.value.param == param
    assert generator.unfinished == 0
    await generator.check_health()


@pytest.mark.parametrize(
    ("prompt", "param"),
    [
        (Prompt((Message("user", "word " * MAX_MODEL_LEN),)), "messages"),
        (Prompt(text="word " * MAX_MODEL_LEN), "prompt"),
        (Prompt(text=""), "prompt"),
    ],
)
async def test_a_prompt_that_does_not_fit_is_refused(
    generator: VllmEngine, prompt: Prompt, param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await drawn(generator, prompt, 1)
    assert refused.value.param == param


async def test_an_answer_without_a_limit_gets_what_fits(generator: VllmEngine) -> None:
    nearly_all = Prompt(text="word " * (MAX_MODEL_LEN - 9), decoding=Decoding(ignore_eos=True))
    (candidate,) = await drawn(generator, nearly_all, 1)
    assert candidate.finish_reason == "length"
    assert candidate.prompt_tokens + candidate.tokens == MAX_MODEL_LEN


async def test_leaving_the_block_stops_the_engine(generator: VllmEngine) -> None:
    decoding = Decoding(max_tokens=900, ignore_eos=True)
    async with generator.sample(ask(STORY, decoding), 20):
        await running(generator, 20)
        left = time.monotonic()
    assert generator.unfinished == 0
    assert time.monotonic() - left < ABORT_S


async def test_cancelling_the_task_stops_the_engine(generator: VllmEngine) -> None:
    task = asyncio.create_task(drawn(generator, ask(STORY, Decoding(max_tokens=900, ignore_eos=True)), 20))
    await running(generator, 20)
    cancelled = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert generator.unfinished == 0
    assert time.monotonic() - cancelled < ABORT_S


async def test_seeds_under_load_do_not_kill_the_engine(generator: VllmEngine) -> None:
    """More prompt tokens at once than a step holds: where prompts are split, the first step ends the engine."""
    prompts = [
        Prompt(
            text=f"{i} " + "one two three four " * (20 + 3 * i),
            decoding=Decoding(max_tokens=4, seed=i, temperature=1.0),
        )
        for i in range(40)
    ]
    found = await asyncio.gather(*(drawn(generator, prompt, 1) for prompt in prompts))
    assert all(candidate.tokens for candidates in found for candidate in candidates)
    await generator.check_health()
