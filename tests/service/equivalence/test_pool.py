"""JsonWorker processes that compare answers: lazy, bounded, replaced when they are killed, and gone at the end."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.engine.host.json_worker import JsonWorker, WorkerLost
from service.equivalence.pool import AnswerChecker, CheckLimits, _start

TOWER = "9^{9^{9^9}}"


def _environment(worker: JsonWorker) -> bytes:
    return Path(f"/proc/{worker._process.pid}/environ").read_bytes()


@contextlib.asynccontextmanager
async def patient() -> AsyncIterator[AnswerChecker]:
    """Patient, since the verdicts are to be right on a machine that is busy, too."""
    checker = AnswerChecker(limits=CheckLimits(item_s=20, request_s=90))
    yield checker
    await checker.aclose()
    assert checker.started == 0


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[AnswerChecker]:
    """For every test that only asks; its workers are started by a process that has a secret."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBEST_SECRET", "hush")
        async with patient() as checker:
            yield checker


@pytest.fixture
async def checker() -> AsyncIterator[AnswerChecker]:
    """A test's own, to count in or to break."""
    async with patient() as own:
        yield own


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[JsonWorker]:
    """Every worker that came up."""
    started: list[JsonWorker] = []
    start = JsonWorker.start

    async def noted(*args: Any, **options: Any) -> JsonWorker:
        started.append(await start(*args, **options))
        return started[-1]

    monkeypatch.setattr(JsonWorker, "start", noted)
    return started


async def test_no_process_before_the_first_comparison(checker: AnswerChecker) -> None:
    assert checker.started == 0
    await checker.same([("x", "y")])
    assert checker.started == 1


async def test_verdicts_do_not_depend_on_which_answer_comes_first(shared: AnswerChecker) -> None:
    pairs = [
        (r"\frac{1}{2}", "0.5"),
        ("1<x<2", "(1,2)"),
        ("(1,2)", "[1,2]"),
        ("x+1", "1+x"),
        (r"\sqrt{8}", r"2\sqrt{2}"),
    ]
    expected = [True, True, False, True, True]
    assert await shared.same(pairs) == expected
    assert await shared.same([(b, a) for a, b in pairs]) == expected


async def test_what_is_no_formula_is_equal_to_nothing_else(shared: AnswerChecker) -> None:
    assert await shared.same([(r"\sqrt", "2"), (r"\frac{1}{0}", "3"), ("}{", "3"), ("", "3")]) == [False] * 4


@pytest.mark.usefixtures("little_cpu")
async def test_a_hostile_answer_costs_its_time_limit_once_and_no_other_verdict(
    checker: AnswerChecker, starts: list[JsonWorker]
) -> None:
    pairs = [(TOWER, "5"), ("1/2", "0.5"), ("7", TOWER), ("x", TOWER), ("1/4", "0.25")]
    assert await checker.same(pairs) == [None, True, None, None, True]
    # It stands in three pairs, and one worker was lost to it: to its own bound, before its parent lost patience.
    assert [worker._process.returncode for worker in starts] == [-signal.SIGXCPU, None]


async def test_the_time_limit_of_an_item_is_kept() -> None:
    worker = await _start()
    started = time.monotonic()
    with pytest.raises(WorkerLost):
        await worker.ask([TOWER], 0.5)
    assert 0.5 <= time.monotonic() - started < 5
    assert not worker.alive


async def test_a_request_ends_in_time_however_many_hostile_answers_it_has(starts: list[JsonWorker]) -> None:
    checker = AnswerChecker(limits=CheckLimits(item_s=0.3, request_s=0.5))
    verdicts = await checker.same([(f"9^{{9^{{9^{i}}}}}", f"8^{{9^{{9^{i}}}}}") for i in range(9, 40)])
    assert set(verdicts) == {None}
    # Of 62 hostile answers, those that half a second has room for.
    assert len(starts) <= 4
    await checker.aclose()


@pytest.mark.usefixtures("greedy")
async def test_a_greedy_answer_meets_the_bound_on_memory(
    checker: AnswerChecker, starts: list[JsonWorker]
) -> None:
    assert await checker.same([("greedy", "2"), ("1/2", "0.5")]) == [None, True]
    # Not a signal: it knew.
    assert [worker._process.returncode for worker in starts] == [1, None]


async def test_a_worker_that_is_killed_is_replaced(checker: AnswerChecker) -> None:
    await checker.same([("x", "y")])
    async with checker.worker() as worker:
        os.kill(worker._process.pid, signal.SIGKILL)
        with pytest.raises(WorkerLost):
            await worker.ask(["x"], 5)
    assert checker.started == 0
    assert await checker.same([("1/2", "0.5")]) == [True]


async def test_a_worker_that_the_system_ended_while_it_waited_is_not_lent_again(
    checker: AnswerChecker,
) -> None:
    async with checker.worker() as worker:
        pass
    os.kill(worker._process.pid, signal.SIGKILL)
    await worker._process.wait()
    async with checker.worker() as other:
        assert await other.ask(["1/2", "0.5"], 20) is True
        assert checker.comparing == 1
    assert (checker.started, checker.comparing) == (1, 0)


async def test_cancelling_kills_the_worker_so_that_no_late_reply_is_taken_for_the_next() -> None:
    checker = AnswerChecker(workers=1, limits=CheckLimits(item_s=20, request_s=90))
    await checker.same([("1/2", "0.5")])
    asking = asyncio.create_task(checker.same([(TOWER, "5")]))
    await asyncio.sleep(0.3)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert checker.started == 0
    assert await checker.same([("1", "2"), ("1/2", "0.5")]) == [False, True]
    await checker.aclose()


async def test_requests_side_by_side_get_their_own_verdicts(shared: AnswerChecker) -> None:
    same = [shared.same([("1/2", "0.5"), ("1/3", f"{i}/9")]) for i in range(6)]
    assert await asyncio.gather(*same) == [[True, i == 3] for i in range(6)]
    assert shared.started <= 2


async def test_a_closed_pool_starts_nothing_and_decides_nothing() -> None:
    checker = AnswerChecker()
    await checker.aclose()
    assert await checker.same([("1/2", "0.5")]) == [None]
    assert checker.started == 0


async def test_a_worker_ends_when_its_parent_does() -> None:
    worker = await _start()
    assert worker._process.stdin is not None
    worker._process.stdin.close()
    async with asyncio.timeout(10):
        await worker._process.wait()
    await worker.kill()


async def test_a_worker_knows_none_of_our_secrets(shared: AnswerChecker) -> None:
    async with shared.worker() as worker:
        assert os.environ["NBEST_SECRET"] == "hush"
        assert b"PATH=" in _environment(worker)
        assert b"hush" not in _environment(worker)
