"""Live candidates of the real engine: pausing changes nothing, steps end exactly, and nothing is held for ever."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from service.engine.group_lock import GroupLock
from service.engine.vllm.engine import VllmEngine
from service.engine.vllm.kv_reservation import KvReservation
from strategies.base.errors import Unsupported
from strategies.base.ports import LiveCandidate
from strategies.base.types import Decoding, Prompt
from tests.engine.conftest import MAX_NUM_SEQS, ask, running

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

LIST = "Write a list of five fruits, each on its own line, with a blank line after each."
STORY = "Tell me a story about a ship."
ABORT_S = 1.0


@pytest.fixture(params=["held", "read again"])
def room(generator: VllmEngine, request: pytest.FixtureRequest) -> Iterator[None]:
    """Both ways to pause: a place kept in the engine, and none, so that the text is read again."""
    usual = generator.requests.room
    if request.param == "read again":
        generator.requests.room = KvReservation(0, 0)
    yield
    generator.requests.room = usual


def spelled(engine: VllmEngine, prompt: Prompt, live: LiveCandidate) -> str:
    before = engine.tokenizer.prompt_ids(prompt)
    return engine.tokenizer.vocabulary.answer(before, live.candidate().token_ids, is_whole=False)


@pytest.mark.parametrize(
    "decoding",
    [Decoding(temperature=0, max_tokens=41), Decoding(temperature=1.0, seed=5, max_tokens=41, logprobs=1)],
)
async def test_pausing_does_not_change_a_token(generator: VllmEngine, decoding: Decoding) -> None:
    """One request at a time, so that every batch is the same and bfloat16 with it."""
    prompt = ask(STORY, decoding)
    async with generator.sample(prompt, 1, start=2) as stream:
        (whole,) = [candidate async for candidate in stream]
    async with generator.open(prompt, 1, start=2) as (live,):
        while live.finish_reason is None:
            await live.advance(5)
            assert generator.unfinished == (live.finish_reason is None)
    rounds = live.candidate()
    assert rounds.token_ids == whole.token_ids
    assert (rounds.text, rounds.tokens, rounds.finish_reason) == (
        whole.text,
        whole.tokens,
        whole.finish_reason,
    )
    assert rounds.prompt_tokens == whole.prompt_tokens > rounds.cached_tokens
    assert [token.token_id for token in rounds.logprobs] == [token.token_id for token in whole.logprobs]
    if whole.logprob is not None:
        assert rounds.logprob == pytest.approx(whole.logprob, abs=0.05)


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize("stop", ["\n", "\n\n", "an"])
async def test_a_step_ends_exactly_at_its_stop(generator: VllmEngine, stop: str) -> None:
    prompt = ask(LIST, Decoding(temperature=0.8, seed=1, max_tokens=50))
    async with generator.open(prompt, 2) as lives:
        while going := [live for live in lives if live.finish_reason is None]:
            before = {live.index: live.text for live in going}
            await asyncio.gather(*(live.advance(25, stop) for live in going))
            for live in going:
                assert live.text.startswith(before[live.index])
                new = live.text[len(before[live.index]) :]
                assert new.count(stop) <= 1
                assert stop not in new or new.endswith(stop) or live.text.endswith(stop)
                assert spelled(generator, prompt, live) == live.text
        assert any(stop in live.text for live in lives)


@pytest.mark.usefixtures("room")
async def test_a_request_s_own_stop_ends_the_candidate_and_is_left_out(generator: VllmEngine) -> None:
    greedy = Decoding(temperature=0, max_tokens=40)
    async with generator.sample(ask(STORY, greedy), 1) as stream:
        (plain,) = [candidate async for candidate in stream]
    word = plain.text.split()[6]
    async with generator.open(ask(STORY, replace(greedy, stop=(word,))), 1) as (live,):
        while live.finish_reason is None:
            await live.advance(3)
    assert live.finish_reason == "stop"
    assert word not in live.text
    assert plain.text.startswith(live.text)


@pytest.mark.usefixtures("room")
async def test_a_fork_shares_the_past_and_not_the_future(generator: VllmEngine) -> None:
    prompt = ask(STORY, Decoding(temperature=1.5, seed=3, max_tokens=60))
    async with generator.open(prompt, 1) as (parent,):
        await parent.advance(16)
        shared = parent.text
        forks = [await parent.fork(index) for index in (7, 8)]
        assert [fork.text for fork in forks] == [shared, shared]
        await asyncio.gather(*(live.advance(16) for live in (parent, *forks)))
        texts = [live.text for live in (parent, *forks)]
        assert all(text.startswith(shared) for text in texts)
        assert len(set(texts)) == 3
        assert [live.candidate().index for live in forks] == [7, 8]
        assert forks[0].candidate().cached_tokens > 0
        await forks[0].drop()
        await forks[0].drop()
        assert forks[0].candidate().finish_reason == "abort"
        await parent.advance(4)
    assert generator.unfinished == 0
    assert forks[1].finish_reason == "abort"


async def test_paused_candidates_leave_a_place_and_the_turn_to_others(
    generator: VllmEngine, lock: GroupLock
) -> None:
    """More candidates than the engine has places are open and paused; a draw and a score still get through."""
    prompt = ask(STORY, Decoding(max_tokens=40, ignore_eos=True))
    async with generator.open(prompt, 2 * MAX_NUM_SEQS) as lives:
        await asyncio.gather(*(live.advance(4) for live in lives))
        assert 0 < generator.unfinished < MAX_NUM_SEQS
        async with asyncio.timeout(60):
            async with lock.take("score"):
                pass
            async with generator.sample(ask(STORY, Decoding(max_tokens=4)), 4) as stream:
                assert len([candidate async for candidate in stream]) == 4
        await asyncio.gather(*(live.advance(4) for live in lives))
        assert {live.tokens for live in lives} == {8}
    assert generator.unfinished == 0
    assert generator.requests.room.take(0)
    generator.requests.room.give_back(0)


async def test_leaving_the_block_frees_running_and_paused_alike(generator: VllmEngine) -> None:
    prompt = ask(STORY, Decoding(max_tokens=900, ignore_eos=True))
    async with generator.open(prompt, 6) as lives:
        await asyncio.gather(*(live.advance(4) for live in lives[:3]))
        advancing = asyncio.create_task(lives[3].advance(900))
        await running(generator, 4)
        left = time.monotonic()
    assert generator.unfinished == 0
    assert time.monotonic() - left < ABORT_S
    await advancing
    assert {live.candidate().finish_reason for live in lives} == {"abort"}


async def test_cancelling_frees_the_engine_and_the_candidate_can_go_on(generator: VllmEngine) -> None:
    prompt = ask(STORY, Decoding(max_tokens=900, ignore_eos=True))
    async with generator.open(prompt, 1) as (live,):
        await live.advance(4)
        text = live.text
        advancing = asyncio.create_task(live.advance(900))
        await asyncio.sleep(0.3)
        cancelled = time.monotonic()
        advancing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await advancing
        assert generator.unfinished == 0
        assert time.monotonic() - cancelled < ABORT_S
        assert live.text == text
        await live.advance(4)
        assert live.text.startswith(text)
        assert live.finish_reason is None


@pytest.mark.parametrize(
    ("decoding", "param"),
    [
        (Decoding(presence_penalty=1.0), "presence_penalty"),
        (Decoding(frequency_penalty=1.0), "frequency_penalty"),
        (Decoding(json_schema="{}"), "response_format"),
    ],
)
async def test_what_a_pause_would_forget_is_refused(
    generator: VllmEngine, decoding: Decoding, param: str
) -> None:
    with pytest.raises(Unsupported) as refused:
        async with generator.open(ask(STORY, decoding), 1):
            pass
    assert refused.value.param == param
