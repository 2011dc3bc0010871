"""A hang is found by silence and a death at once; a stall of the service itself is nobody's fault but its own."""

import asyncio
import time
from dataclasses import dataclass

import pytest

from service.supervision.heartbeat import Heartbeat
from strategies.base.errors import EngineFailed
from tests.service.supervision.fakes import FragileEngine


@dataclass
class Slow:
    """Answers a ping after `answer_s`."""

    answer_s: float
    pings: int = 0

    async def check_health(self) -> None:
        """It lives."""

    async def ping(self) -> None:
        self.pings += 1
        await asyncio.sleep(self.answer_s)


async def test_a_part_that_answers_is_never_lost() -> None:
    part = Slow(0.05)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(Heartbeat(0.01, 0.2).until_lost(part), 0.6)
    assert part.pings >= 4


async def test_an_answer_that_does_not_come_in_time_is_a_hang() -> None:
    begun = time.monotonic()
    assert await Heartbeat(0.01, 0.2).until_lost(Slow(60)) == "hung"
    assert 0.2 <= time.monotonic() - begun < 1


async def test_a_death_is_found_while_an_answer_is_awaited() -> None:
    engine = FragileEngine(frozen=True)
    waiting = asyncio.create_task(Heartbeat(0.01, 5).until_lost(engine))
    await asyncio.sleep(0.05)
    engine.dead = True
    assert await asyncio.wait_for(waiting, 1) == "died"


async def test_a_ping_that_fails_is_a_death() -> None:
    class Broken(Slow):
        async def ping(self) -> None:
            raise EngineFailed("gone")

    assert await asyncio.wait_for(Heartbeat(0.01, 5).until_lost(Broken(0)), 1) == "died"


async def test_suspicion_does_not_wait_for_the_next_beat() -> None:
    engine, heartbeat = FragileEngine(), Heartbeat(60, 5)
    waiting = asyncio.create_task(heartbeat.until_lost(engine))
    await asyncio.sleep(0.05)
    engine.dead = True
    await asyncio.sleep(0.05)
    assert not waiting.done()
    heartbeat.suspect()
    assert await asyncio.wait_for(waiting, 1) == "died"


async def test_suspicion_without_cause_costs_nothing() -> None:
    heartbeat = Heartbeat(0.01, 0.2)
    waiting = asyncio.create_task(heartbeat.until_lost(Slow(0)))
    for _ in range(20):
        heartbeat.suspect()
        await asyncio.sleep(0.005)
    assert not waiting.done()
    waiting.cancel()


async def test_time_in_which_the_service_stood_still_does_not_count() -> None:
    """As after `docker pause`: the clock has moved on, and neither side had a chance to speak."""
    waiting = asyncio.create_task(Heartbeat(0.01, 0.4).until_lost(Slow(0.7)))
    await asyncio.sleep(0.05)
    time.sleep(0.6)  # noqa: ASYNC251 (the loop must stand still)
    await asyncio.sleep(0.15)
    assert not waiting.done()
    waiting.cancel()


async def test_cancelling_the_watch_leaves_no_ping_behind() -> None:
    before = asyncio.all_tasks()
    waiting = asyncio.create_task(Heartbeat(0.01, 5).until_lost(Slow(60)))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == before
