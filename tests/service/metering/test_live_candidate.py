"""Live candidates under a budget: every token counted, no limit exceeded, and what a limit ends is an `abort`."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.metering.engine import MeteredEngine
from service.metering.limits import RequestLimits
from service.metering.meter import Meter
from strategies.base.ports import LiveCandidate
from strategies.base.types import Message, Prompt

PROMPT = Prompt((Message("user", "one two three"),))


def engine_of(words: int, token_s: float = 0.0) -> ScriptedEngine:
    return ScriptedEngine(script=lambda prompt, index: "w " * (words - 1) + "w", token_s=token_s)


async def advance(lives: Sequence[LiveCandidate], tokens: int) -> None:
    await asyncio.gather(*(live.advance(tokens) for live in lives))


async def test_forks_owe_only_what_they_add_and_the_prompt_counts_once() -> None:
    engine, meter = engine_of(20), Meter()
    async with MeteredEngine(engine, meter, RequestLimits()).open(PROMPT, 2) as lives:
        await advance(lives, 5)
        twin = await lives[0].fork(2)
        await advance([*lives, twin], 3)
        assert [live.tokens for live in (*lives, twin)] == [8, 8, 8]
    assert meter.completion_tokens == engine.generation_tokens == 19
    assert (meter.prompt_tokens, meter.engine_prompt_tokens) == (3, engine.prompt_tokens) == (3, 6)
    assert meter.samples == 3


@pytest.mark.parametrize("budget", [1, 7, 40, 100])
async def test_a_token_budget_is_spent_to_the_last_token_and_never_exceeded(budget: int) -> None:
    engine, meter = engine_of(200, token_s=0.0001), Meter()
    bounds = RequestLimits(max_completion_tokens=budget)
    async with MeteredEngine(engine, meter, bounds).open(PROMPT, 4) as lives:
        await advance(lives, 90)
        await advance(lives, 90)
        assert [live.finish_reason for live in lives] == ["abort"] * 4
        assert sum(live.tokens for live in lives) == budget
    assert meter.completion_tokens == engine.generation_tokens == budget
    assert meter.limit == "max_completion_tokens"
    assert engine.unfinished == 0


async def test_a_budget_that_suffices_changes_nothing() -> None:
    """Four candidates may ask for more than there is, as long as they do not use it."""
    engine, meter = engine_of(10, token_s=0.0001), Meter()
    async with MeteredEngine(engine, meter, RequestLimits(max_completion_tokens=40)).open(PROMPT, 4) as lives:
        await advance(lives, 90)
        assert [live.finish_reason for live in lives] == ["stop"] * 4
    assert (meter.completion_tokens, meter.limit) == (40, None)


async def test_the_servers_own_limit_holds_for_a_request_without_a_budget() -> None:
    engine, meter = engine_of(200), Meter()
    bounds = RequestLimits(max_completion_tokens=90, max_request_tokens=50)
    async with MeteredEngine(engine, meter, bounds).open(PROMPT, 2) as lives:
        await advance(lives, 200)
    assert meter.completion_tokens == engine.generation_tokens == 50
    assert meter.limit == "max_completion_tokens"


async def test_a_step_ends_where_it_does_without_a_budget() -> None:
    script = ScriptedEngine(script=lambda prompt, index: "a " * 40 + "b\nc d")
    async with MeteredEngine(script, Meter(), RequestLimits(max_completion_tokens=60)).open(PROMPT, 1) as (
        live,
    ):
        await live.advance(50, "\n")
        assert live.text.endswith("b\n")
        assert live.finish_reason is None


async def test_the_deadline_ends_every_candidate_in_time_and_keeps_its_text() -> None:
    engine, meter = engine_of(1000, token_s=0.01), Meter()
    started = time.monotonic()
    async with MeteredEngine(engine, meter, RequestLimits(deadline=started + 0.2)).open(PROMPT, 3) as lives:
        await lives[2].advance(2)
        await advance(lives[:2], 900)
        assert time.monotonic() - started < 0.5
        assert [live.finish_reason for live in lives] == ["abort", "abort", None]
        assert all(live.text for live in lives)
        generated = engine.generation_tokens
        await lives[2].advance(5)
        assert lives[2].finish_reason == "abort"
    assert meter.completion_tokens == engine.generation_tokens == generated
    assert meter.limit == "deadline"
    assert engine.unfinished == 0


async def test_beyond_max_samples_a_fork_is_born_as_an_abort() -> None:
    engine, meter = engine_of(10), Meter()
    async with MeteredEngine(engine, meter, RequestLimits(max_samples=2)).open(PROMPT, 1) as (live,):
        await live.advance(2)
        first, second = await live.fork(1), await live.fork(2)
        assert (first.finish_reason, second.finish_reason) == (None, "abort")
        assert live.finish_reason is None
    assert (meter.samples, meter.limit) == (2, "max_samples")
    assert engine.unfinished == 0


async def test_cancelling_an_advance_stops_it_and_counts_what_there_was() -> None:
    engine, meter = engine_of(1000, token_s=0.005), Meter()
    bounds = RequestLimits(max_completion_tokens=500)
    async with MeteredEngine(engine, meter, bounds).open(PROMPT, 1) as (live,):
        task = asyncio.create_task(live.advance(100))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        generated = engine.generation_tokens
        await asyncio.sleep(0.03)
        assert meter.completion_tokens == engine.generation_tokens == generated > 0
        await live.advance(1)
        assert live.tokens == generated + 1
