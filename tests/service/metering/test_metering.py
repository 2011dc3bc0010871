"""Metering: every token counted, every limit kept, every score checked, whatever the strategy does."""

import asyncio
import itertools
import math
import time
from functools import partial
from typing import Any

import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.metering.engine import MeteredEngine
from service.metering.limits import RequestLimits
from service.metering.meter import Meter
from service.metering.phase_clock import PhaseClock
from service.metering.scorers import MeteredScorers
from service.observability.metrics import Metrics
from strategies.base.errors import ScorerFailed
from strategies.base.ports import Delta, StreamFilter
from strategies.base.types import Candidate, Message, Prompt, Stage
from strategies.best_of_n import BestOfN
from strategies.single import Single
from tests.service.fixtures import scripted_scorers

PROMPT = Prompt((Message("user", "one two three"),))


def engine_of(words: int = 10, token_s: float = 0.0) -> ScriptedEngine:
    return ScriptedEngine(script=lambda prompt, index: "w " * (words - 1) + "w", token_s=token_s)


async def ask(scorers: MeteredScorers, kind: str) -> None:
    """One question of two parts to the scorer of a kind."""
    if kind == "outcome":
        await scorers.outcome(None).score(PROMPT, ["a", "b"])
    else:
        await scorers.step(None).score(PROMPT, [["a", "b"]])


async def drawn(metered: MeteredEngine, n: int) -> list[Candidate]:
    async with metered.sample(PROMPT, n) as stream:
        return [candidate async for candidate in stream]


async def test_tokens_equal_the_engines_own_counters() -> None:
    engine, meter = engine_of(), Meter()
    await drawn(MeteredEngine(engine, meter, RequestLimits()), 3)
    assert meter.completion_tokens == engine.generation_tokens == 30
    assert meter.engine_prompt_tokens == engine.prompt_tokens == 9
    assert meter.prompt_tokens == 3


async def test_two_draws_number_their_candidates_on() -> None:
    metered = MeteredEngine(engine_of(), Meter(), RequestLimits())
    first, second = await drawn(metered, 2), await drawn(metered, 2)
    assert sorted(c.index for c in first + second) == [0, 1, 2, 3]


async def test_max_samples_ends_the_draw() -> None:
    meter = Meter()
    metered = MeteredEngine(engine_of(), meter, RequestLimits(max_samples=3))
    assert [len(await drawn(metered, 2)), len(await drawn(metered, 2)), len(await drawn(metered, 2))] == [
        2,
        1,
        0,
    ]
    assert meter.limit == "max_samples"


async def test_max_completion_tokens_cuts_off_and_counts_what_was_generated() -> None:
    engine, meter = engine_of(words=1000, token_s=0.005), Meter()
    candidates = await drawn(
        MeteredEngine(engine, meter, RequestLimits(follow=True, max_completion_tokens=20)), 2
    )
    assert meter.limit == "max_completion_tokens"
    assert [c.finish_reason for c in candidates] == ["abort", "abort"]
    assert all(c.text for c in candidates)
    assert engine.unfinished == 0
    assert 20 <= meter.completion_tokens == engine.generation_tokens < 60


async def test_the_deadline_ends_the_draw_in_time() -> None:
    engine, meter = engine_of(words=1000, token_s=0.01), Meter()
    started = time.monotonic()
    bounds = RequestLimits(deadline=started + 0.2, follow=True)
    candidates = await drawn(MeteredEngine(engine, meter, bounds), 2)
    assert time.monotonic() - started < 0.7
    assert meter.limit == "deadline"
    assert len(candidates) == 2
    assert engine.unfinished == 0


async def test_leaving_the_draw_early_counts_what_was_followed() -> None:
    engine, meter = ScriptedEngine(script=lambda p, i: "w " * (3 if i == 0 else 500), token_s=0.002), Meter()
    metered = MeteredEngine(engine, meter, RequestLimits(follow=True))
    async with metered.sample(PROMPT, 2) as stream:
        await anext(stream)
    assert engine.unfinished == 0
    assert meter.completion_tokens == engine.generation_tokens


async def test_live_tokens_reach_the_listener_only_from_live_stages() -> None:
    heard: list[Delta] = []
    live = MeteredEngine(
        engine_of(), Meter(), RequestLimits(), partial(Single().live_view, k=1), heard.append
    )
    await drawn(live, 1)
    assert len(heard) == 10
    await drawn(
        MeteredEngine(engine_of(), Meter(), RequestLimits(), partial(BestOfN().live_view, k=1), heard.append),
        1,
    )
    assert len(heard) == 10


async def test_live_text_of_any_stage_tells_the_length_of_the_requests_own_prompt() -> None:
    heard: list[Delta] = []
    live = MeteredEngine(
        engine_of(2), Meter(), RequestLimits(), lambda stage: lambda delta: delta, heard.append
    )
    await drawn(live, 1)
    longer = Prompt((Message("user", "one two three four five"),))
    async with live.sample(longer, 1, stage="fusion") as stream:
        assert [candidate.prompt_tokens async for candidate in stream] == [5]
    assert [delta.prompt_tokens for delta in heard] == [3, 3, 3, 3]


async def test_a_view_decides_what_of_each_draw_the_listener_hears() -> None:
    heard: list[str] = []

    def every_other(stage: Stage) -> StreamFilter:
        turns = itertools.cycle((True, False))
        return lambda delta: Delta(0, delta.text.upper(), 1) if next(turns) else None

    live = MeteredEngine(
        engine_of(words=5), Meter(), RequestLimits(), every_other, lambda delta: heard.append(delta.text)
    )
    await drawn(live, 1)
    await drawn(live, 1)
    assert heard == ["W", " W", " W"] * 2


async def test_what_was_shown_live_is_delivered_when_the_deadline_cuts_it_off() -> None:
    engine, heard = engine_of(words=1000, token_s=0.01), list[str]()
    bounds = RequestLimits(deadline=time.monotonic() + 0.2)
    live = MeteredEngine(
        engine, Meter(), bounds, partial(Single().live_view, k=1), lambda delta: heard.append(delta.text)
    )
    [candidate] = await drawn(live, 1)
    assert (candidate.text, candidate.finish_reason) == ("".join(heard), "abort")
    assert heard


async def test_max_samples_limits_what_is_drawn_and_nothing_else() -> None:
    meter = Meter()
    metered = MeteredEngine(engine_of(), meter, RequestLimits(max_samples=1))
    await drawn(metered, 1)
    async with metered.sample(PROMPT, 1, stage="fusion") as stream:
        assert len([candidate async for candidate in stream]) == 1
    assert meter.limit is None


async def test_a_stage_can_have_an_engine_of_its_own() -> None:
    engine, other, meter = engine_of(), engine_of(words=3), Meter()
    metered = MeteredEngine(engine, meter, RequestLimits(), others={"fusion": other})
    await drawn(metered, 1)
    async with metered.sample(PROMPT, 1, stage="fusion") as stream:
        assert [candidate.tokens async for candidate in stream] == [3]
    assert dict(meter.tokens) == {"sample": 10, "fusion": 3}
    assert (engine.generation_tokens, other.generation_tokens) == (10, 3)


@pytest.mark.parametrize(
    ("fault", "reason"), [("raise", "error"), ("nan", "not_finite"), ("short", "length_mismatch")]
)
@pytest.mark.parametrize("kind", ["outcome", "step"])
async def test_a_scorer_that_fails_is_an_error_with_a_reason(fault: Any, reason: str, kind: str) -> None:
    metrics = Metrics()
    scorers = MeteredScorers(scripted_scorers(fault), Meter(), RequestLimits(), metrics)
    with pytest.raises(ScorerFailed) as caught:
        await ask(scorers, kind)
    assert caught.value.reason == reason
    assert metrics.scorer_errors.labels(kind, reason)._value.get() == 1


async def test_a_slow_scorer_has_no_score_at_the_deadline() -> None:
    meter = Meter()
    bounds = RequestLimits(deadline=time.monotonic() + 0.1)
    scorers = MeteredScorers(scripted_scorers("slow", delay_s=5), meter, bounds, Metrics())
    scores = await scorers.outcome(None).score(PROMPT, ["a", "b"])
    assert scores.values == (None, None)
    assert meter.limit == "deadline"


def test_phases_sum_to_the_whole_and_overlap_is_not_counted_twice() -> None:
    now = [0.0]
    clock = PhaseClock(now=lambda: now[0])
    with clock.phase("sample"):
        now[0] = 2.0
        with clock.phase("score"):
            now[0] = 3.0
    with clock.phase("score"):
        now[0] = 4.5
    now[0] = 5.0
    clock.settle()
    assert dict(clock.seconds) == {"select": 0.5, "sample": 3.0, "score": 1.5}
    assert math.isclose(sum(clock.seconds.values()), 5.0)


async def test_live_candidates_are_counted_when_the_block_is_left() -> None:
    engine, meter = engine_of(), Meter()
    async with MeteredEngine(engine, meter, RequestLimits()).open(PROMPT, 2) as live:
        await asyncio.gather(*(candidate.advance(4) for candidate in live))
    assert meter.completion_tokens == engine.generation_tokens == 8
    assert engine.unfinished == 0
