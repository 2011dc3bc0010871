"""Groups never overlap, neither starves, and a cancelled member leaves no trace."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.group_lock import Group, GroupLock

DEADLOCK_S = 5.0


@dataclass
class Log:
    """Who is inside, and the order in which members entered."""

    inside: list[Group] = field(default_factory=list)
    entered: list[int] = field(default_factory=list)


async def member(lock: GroupLock, log: Log, name: int, group: Group, stays: int) -> None:
    """Enter, stay for some steps of the loop, and look around at each."""
    async with lock.take(group):
        log.inside.append(group)
        log.entered.append(name)
        try:
            for _ in range(stays):
                assert set(log.inside) == {group}
                await asyncio.sleep(0)
        finally:
            log.inside.remove(group)


async def steps(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Visit:
    """A member that comes after some steps of the loop, stays for some, and may be cancelled after some."""

    group: Group
    comes: int
    stays: int
    cancelled: int | None


GROUPS = st.sampled_from(["generate", "score"])
VISITS = st.lists(
    st.builds(Visit, GROUPS, st.integers(0, 5), st.integers(0, 4), st.none() | st.integers(0, 8)), max_size=14
)


async def pay(lock: GroupLock, log: Log, name: int, visit: Visit) -> None:
    await steps(visit.comes)
    task = asyncio.create_task(member(lock, log, name, visit.group, visit.stays))
    if visit.cancelled is None:
        return await task
    await steps(visit.cancelled)
    task.cancel()
    (error,) = await asyncio.gather(task, return_exceptions=True)
    assert error is None or isinstance(error, asyncio.CancelledError)
    return None


@settings(max_examples=300, deadline=None)
@given(visits=VISITS)
def test_any_mix_of_visits_ends_without_overlap_and_leaves_it_usable(visits: list[Visit]) -> None:
    async def play() -> None:
        lock, log = GroupLock(), Log()
        async with asyncio.timeout(DEADLOCK_S):
            await asyncio.gather(*(pay(lock, log, i, visit) for i, visit in enumerate(visits)))
            assert {i for i, visit in enumerate(visits) if visit.cancelled is None} <= set(log.entered)
            for group in ("generate", "score", "generate"):
                await member(lock, log, -1, group, 1)
        assert log.inside == []

    asyncio.run(play())


async def test_members_of_one_group_run_together() -> None:
    lock, log, most = GroupLock(), Log(), 0

    async def stay() -> None:
        nonlocal most
        async with lock.take("generate"):
            log.inside.append("generate")
            await asyncio.sleep(0)
            most = max(most, len(log.inside))

    await asyncio.gather(*(stay() for _ in range(5)))
    assert most == 5


async def test_newcomers_queue_behind_the_other_group() -> None:
    lock, log = GroupLock(), Log()
    async with asyncio.timeout(DEADLOCK_S), asyncio.TaskGroup() as group:
        group.create_task(member(lock, log, 0, "generate", 3))
        await steps(1)
        group.create_task(member(lock, log, 1, "score", 1))
        await steps(1)
        group.create_task(member(lock, log, 2, "generate", 1))
        group.create_task(member(lock, log, 3, "score", 1))
    assert log.entered == [0, 1, 3, 2]


async def test_neither_group_starves_under_an_endless_stream_of_the_other() -> None:
    lock, log = GroupLock(), Log()
    is_over = False

    async def stream() -> None:
        while not is_over:
            await member(lock, log, 0, "generate", 3)

    async with asyncio.timeout(DEADLOCK_S), asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(stream())
            await steps(1)
        for _ in range(5):
            await member(lock, log, 1, "score", 1)
        is_over = True
    assert log.entered.count(1) == 5


async def test_a_waiter_that_gives_up_lets_those_behind_it_join() -> None:
    lock, log = GroupLock(), Log()
    async with asyncio.timeout(DEADLOCK_S), lock.take("generate"):
        waiter = asyncio.create_task(member(lock, log, 1, "score", 1))
        await steps(1)
        behind = asyncio.create_task(member(lock, log, 2, "generate", 1))
        await steps(1)
        assert log.entered == []
        waiter.cancel()
        await behind
    assert log.entered == [2]


async def test_disabled_turns_let_everyone_in() -> None:
    lock = GroupLock(enabled=False)
    async with asyncio.timeout(DEADLOCK_S), lock.take("generate"), lock.take("score"):
        pass


async def test_an_error_inside_ends_the_turn() -> None:
    lock = GroupLock()
    try:
        async with lock.take("generate"):
            raise RuntimeError
    except RuntimeError:
        pass
    async with asyncio.timeout(DEADLOCK_S), lock.take("score"):
        pass
