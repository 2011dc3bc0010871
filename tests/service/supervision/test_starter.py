"""Starts run one after the other in one thread that never ends; one that is not wanted any more is killed."""

import asyncio
import multiprocessing
import threading
import time
from dataclasses import dataclass, field

import pytest

from service.engine.host.process_tree import children
from service.supervision.starter import Starter
from tests.service.supervision.fakes import FragileEngine


@dataclass
class Start:
    """Waits for `go`, then makes an engine; remembers its thread and when it ran."""

    go: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    made: list[FragileEngine] = field(default_factory=list)

    def __call__(self) -> FragileEngine:
        self.threads.append(threading.current_thread())
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        assert self.go.wait(10)
        self.running -= 1
        self.made.append(FragileEngine())
        return self.made[-1]


async def test_two_starts_share_a_thread_that_goes_on_living_and_take_turns() -> None:
    starter, start = Starter(), Start()
    both = [asyncio.create_task(starter.run(start, 10)) for _ in range(2)]
    await asyncio.sleep(0.05)
    start.go.set()
    assert await asyncio.gather(*both) == start.made
    assert start.most_running == 1
    assert len(set(start.threads)) == 1
    assert start.threads[0].is_alive()
    assert start.threads[0].daemon


async def test_the_failure_of_a_start_is_the_callers_and_the_next_one_runs() -> None:
    starter = Starter()

    def fail() -> FragileEngine:
        raise OSError("no memory")

    with pytest.raises(OSError, match="no memory"):
        await starter.run(fail, 10)
    assert isinstance(await starter.run(FragileEngine, 10), FragileEngine)


async def test_a_start_that_was_cancelled_but_succeeds_is_stopped_again() -> None:
    starter, start = Starter(), Start()
    coming = asyncio.create_task(starter.run(start, 10))
    await asyncio.sleep(0.05)
    coming.cancel()
    await asyncio.sleep(0.05)
    assert not coming.done()
    start.go.set()
    with pytest.raises(asyncio.CancelledError):
        await coming
    assert [(engine.killed, engine.closed) for engine in start.made] == [(1, 1)]


def wait_for_a_child() -> FragileEngine:
    """As vLLM does: start a process, and fail when it is gone."""
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    child.start()
    child.join(30)
    raise RuntimeError(f"engine core exited with {child.exitcode}")


async def test_cancelling_a_start_kills_the_processes_that_it_has_started() -> None:
    starter = Starter()
    coming = asyncio.create_task(starter.run(wait_for_a_child, 60))
    async with asyncio.timeout(10):
        while not children():  # noqa: ASYNC110 (nothing announces a child)
            await asyncio.sleep(0.02)
    begun = time.monotonic()
    coming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await coming
    assert time.monotonic() - begun < 5
    assert children() == set()


async def test_a_start_that_takes_too_long_is_killed_and_says_so() -> None:
    with pytest.raises(TimeoutError):
        await Starter().run(wait_for_a_child, 0.5)
    assert children() == set()


async def test_a_start_that_waits_for_another_can_be_cancelled_without_touching_it() -> None:
    starter, start = Starter(), Start()
    first = asyncio.create_task(starter.run(start, 10))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(starter.run(start, 10))
    await asyncio.sleep(0.05)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    start.go.set()
    assert [await first] == start.made
    assert start.made[0].killed == 0
