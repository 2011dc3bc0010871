"""Death and hang, recovery, a budget that is spent, a stop in the middle of a restart: on engines without processes."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from functools import partial

import pytest

from service.supervision.supervised import GivenUp, Inner, Supervised
from strategies.base.errors import EngineFailed
from tests.service.fixtures import until
from tests.service.supervision.fakes import HANG_S, FragileEngine, Heard, Maker, is_up, part_of


@contextlib.asynccontextmanager
async def watched(part: Supervised[Inner]) -> AsyncIterator[asyncio.Task[None]]:
    watching = asyncio.create_task(part.watch())
    try:
        yield watching
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def engine(maker: Maker, index: int = -1) -> FragileEngine:
    made = maker.made[index]
    assert isinstance(made, FragileEngine)
    return made


async def test_a_dead_engine_is_killed_closed_and_replaced() -> None:
    maker, heard = Maker(), Heard()
    part = part_of(maker)
    part.tell = heard
    async with watched(part):
        engine(maker).dead = True
        await until(lambda: part.state == "up" and maker.starts == 2, within_s=2)
    first = engine(maker, 0)
    assert (first.killed, first.closed) == (1, 1)
    assert heard.events == ["lost", "restart", "up"]
    await part.check_health()


async def test_calls_of_a_hung_engine_fail_within_a_second_of_its_timeout_and_the_next_life_answers() -> None:
    maker = Maker()
    part = part_of(maker)
    async with watched(part):
        engine(maker).freeze()
        life = part.life
        begun = time.monotonic()
        with pytest.raises(EngineFailed, match="generator hung and is being started again"):
            await life.call(asyncio.Event().wait)
        assert HANG_S / 2 < time.monotonic() - begun < HANG_S + 1
        await until(lambda: maker.starts == 2 and part.state == "up", within_s=2)
        assert await part.life.call(lambda: asyncio.sleep(0, "well")) == "well"
        with pytest.raises(EngineFailed):
            await life.call(lambda: asyncio.sleep(0))


async def test_while_it_starts_again_calls_are_refused_at_once_and_health_says_why() -> None:
    gate = threading.Event()
    maker = Maker(gate=lambda: gate.wait(10))
    part = part_of(maker)
    async with watched(part):
        engine(maker).dead = True
        await until(lambda: maker.starts == 2, within_s=2)
        assert part.state == "restarting"
        begun = time.monotonic()
        with pytest.raises(EngineFailed, match="died and is being started again; try again in a moment"):
            await part.check_health()
        with pytest.raises(EngineFailed, match="died"):
            await part.life.call(asyncio.Event().wait)
        assert time.monotonic() - begun < 0.1
        gate.set()
        await until(lambda: part.state == "up", within_s=2)


async def test_a_start_that_fails_is_tried_again_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.supervision.supervised._PAUSE_S", 0.01)
    maker, heard = Maker(fails=2), Heard()
    part = part_of(maker, most=3)
    part.tell = heard
    async with watched(part):
        engine(maker).dead = True
        await until(lambda: maker.starts == 4 and part.state == "up", within_s=2)
        assert heard.events == ["lost", "restart", "restart", "restart", "up"]
        engine(maker).dead = True
        await until(lambda: part.state == "given_up", within_s=2)


async def test_at_the_end_of_the_budget_it_is_given_up_and_says_so() -> None:
    maker = Maker()
    part = part_of(maker, most=2)
    async with watched(part) as watching:
        for lives in (1, 2, 3):
            await until(partial(is_up, part, maker, lives), within_s=2)
            call = asyncio.create_task(part.life.call(asyncio.Event().wait))
            await asyncio.sleep(0)
            engine(maker).dead = True
            with pytest.raises(EngineFailed):
                await asyncio.wait_for(call, 1)
        with pytest.raises(GivenUp, match="generator was started again 2 times"):
            await asyncio.wait_for(asyncio.shield(watching), 2)
    assert maker.starts == 3
    assert part.state == "given_up"
    with pytest.raises(EngineFailed, match="failed too often"):
        await part.check_health()


async def test_stopping_in_the_middle_of_a_restart_leaves_nothing_running() -> None:
    gate = threading.Event()
    maker = Maker(gate=lambda: gate.wait(10))
    part = part_of(maker)
    async with watched(part):
        engine(maker).dead = True
        await until(lambda: maker.starts == 2, within_s=2)
        asyncio.get_running_loop().call_later(0.1, gate.set)
    await part.aclose()
    assert len(maker.made) == 2
    assert all(engine(maker, i).closed for i in (0, 1))
    assert part.state == "closed"


async def test_a_lost_engine_that_cannot_be_closed_does_not_stop_its_successor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stuck(FragileEngine):
        async def aclose(self) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr("service.supervision.supervised._CLOSE_S", 0.05)
    maker = Maker(make=Stuck)
    part = part_of(maker)
    async with watched(part):
        engine(maker).dead = True
        await until(lambda: part.state == "up" and maker.starts == 2, within_s=2)


async def test_closing_twice_and_never_having_been_watched_is_fine() -> None:
    maker = Maker()
    part = part_of(maker)
    await part.aclose()
    await part.aclose()
    assert engine(maker).closed == 2
