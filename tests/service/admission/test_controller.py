"""The door: all or nothing, in turn, bounded, and whatever happens to those who wait, no room is lost."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.admission.controller import LONGEST_WAIT_S, AdmissionController
from service.admission.cost import Cost
from service.admission.settings import Limits
from service.keys.caller import Caller, acting_for
from service.metering.meter import Meter
from service.observability.metrics import Metrics
from strategies.base.errors import DeadlineExceeded, InvalidRequest, Overloaded, QuotaExceeded

ONE = Cost(1, 1)


def gate(**limits: int) -> AdmissionController:
    return AdmissionController(Limits(**limits), Metrics())


async def hold(
    admission: AdmissionController, entered: list[str], me: str, leave: asyncio.Event, cost: Cost = ONE
) -> None:
    """Wait as the key that the name begins with, note the entry, stay until told to leave."""
    with acting_for(Caller(me[0])):
        async with admission.place(Meter(), cost):
            entered.append(me)
            await leave.wait()


async def test_the_queue_is_bounded_and_in_order() -> None:
    admission = gate(max_concurrent_requests=1, max_queued_requests=2)
    entered: list[str] = []
    doors = [asyncio.Event() for _ in range(3)]
    tasks = [asyncio.create_task(hold(admission, entered, f"a{i}", door)) for i, door in enumerate(doors)]
    await asyncio.sleep(0)
    with acting_for(Caller("a")), pytest.raises(Overloaded) as refused:
        async with admission.place(Meter(), ONE):
            pass
    assert 1 <= refused.value.retry_after_s <= LONGEST_WAIT_S
    for door in doors:
        door.set()
    await asyncio.gather(*tasks)
    assert entered == ["a0", "a1", "a2"]


async def test_each_key_has_a_line_of_its_own_and_they_take_turns() -> None:
    admission = gate(max_concurrent_requests=1, max_queued_requests=3)
    entered: list[str] = []
    leave = asyncio.Event()
    names = ["a0", "a1", "a2", "a3", "b0", "b1"]
    tasks = [asyncio.create_task(hold(admission, entered, name, leave)) for name in names]
    await asyncio.sleep(0)
    leave.set()
    await asyncio.gather(*tasks)
    # a0 came alone; then b stands where a began, and they alternate
    assert entered == ["a0", "b0", "a1", "b1", "a2", "a3"]


@pytest.mark.parametrize(
    ("limits", "cost"),
    [({"max_inflight_tokens": 10}, Cost(6)), ({"max_inflight_candidates": 10}, Cost(1, 6))],
    ids=["tokens", "candidates"],
)
async def test_a_request_waits_whole_until_all_of_it_fits(limits: dict[str, int], cost: Cost) -> None:
    admission = gate(**limits)
    entered: list[str] = []
    first, second, small = asyncio.Event(), asyncio.Event(), asyncio.Event()
    tasks = [
        asyncio.create_task(hold(admission, entered, "a0", first, cost)),
        asyncio.create_task(hold(admission, entered, "b1", second, cost)),
        asyncio.create_task(hold(admission, entered, "b2", small, ONE)),
    ]
    await asyncio.sleep(0.01)
    # The small one would fit, but nobody overtakes the one whose turn it is.
    assert entered == ["a0"]
    first.set()
    await asyncio.sleep(0.01)
    assert entered == ["a0", "b1", "b2"]
    second.set()
    small.set()
    await asyncio.gather(*tasks)


async def test_what_never_fits_is_the_callers_to_mend() -> None:
    with pytest.raises(InvalidRequest) as refused:
        async with gate(max_inflight_tokens=10).place(Meter(), Cost(11, param="texts")):
            pass
    assert refused.value.param == "texts"
    with acting_for(Caller("a", tokens_per_minute=10)), pytest.raises(InvalidRequest, match="a minute"):
        async with gate().place(Meter(), Cost(11)):
            pass


async def test_without_a_queue_there_is_still_a_place() -> None:
    admission = gate(max_concurrent_requests=1, max_queued_requests=0)
    async with admission.place(Meter(), ONE):
        with pytest.raises(Overloaded):
            async with admission.place(Meter(), ONE):
                pass
    async with admission.place(Meter(), ONE):
        pass


async def test_a_wait_ends_at_the_deadline_and_leaks_no_place() -> None:
    admission = gate(max_concurrent_requests=1)
    async with admission.place(Meter(), ONE):
        with pytest.raises(DeadlineExceeded):
            async with admission.place(Meter(), ONE, patience_s=0.02):
                pass
    async with asyncio.timeout(1), admission.place(Meter(), ONE):
        pass


async def test_a_quota_counts_what_was_used_and_charges_in_full_what_failed() -> None:
    admission = gate()
    with acting_for(Caller("a", tokens_per_minute=100)):
        meter = Meter(prompt_tokens=1)
        async with admission.place(meter, Cost(90)):
            meter.tokens["sample"] = 9
        async with admission.place(Meter(), Cost(90)):
            pass
        with pytest.raises(ValueError, match="broke"):
            async with admission.place(Meter(), Cost(80)):
                raise ValueError("broke")
        with pytest.raises(QuotaExceeded) as refused:
            async with admission.place(Meter(), Cost(80)):
                pass
    assert 0 < refused.value.retry_after_s <= 60
    with acting_for(Caller("b", tokens_per_minute=100)):
        async with admission.place(Meter(), Cost(100)):
            pass


async def test_who_never_got_in_is_charged_nothing() -> None:
    admission = gate(max_concurrent_requests=1)
    caller = Caller("a", tokens_per_minute=100, max_concurrent_requests=2)
    async with admission.place(Meter(), ONE):
        for _ in range(3):
            with acting_for(caller), pytest.raises(DeadlineExceeded):
                async with admission.place(Meter(), Cost(100), patience_s=0.005):
                    pass


# What each request does: its key, its cost, how long it stays, and after how long it is cancelled, in ticks.
PEOPLE = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(1, 10),
        st.integers(0, 4),
        st.integers(0, 3),
        st.none() | st.integers(0, 6),
    ),
    min_size=1,
    max_size=25,
)


@given(PEOPLE)
@settings(max_examples=60, deadline=None)
def test_no_room_is_lost_or_given_twice_whoever_leaves_when(
    people: list[tuple[str, int, int, int, int]],
) -> None:
    asyncio.run(crowd(people))


async def crowd(people: list[tuple[str, int, int, int, int]]) -> None:
    admission = gate(
        max_concurrent_requests=4, max_inflight_tokens=12, max_inflight_candidates=5, max_queued_requests=4
    )
    inside: list[Cost] = []

    async def visit(key: str, cost: Cost, stay: int) -> None:
        with acting_for(Caller(key)), contextlib.suppress(Overloaded):
            async with admission.place(Meter(), cost):
                inside.append(cost)
                assert len(inside) <= 4
                assert sum(c.tokens for c in inside) <= 12
                assert sum(c.candidates for c in inside) <= 5
                try:
                    await ticks(stay)
                finally:
                    inside.remove(cost)

    async def cut(key: str, cost: Cost, stay: int, cancelled: int | None) -> None:
        task = asyncio.create_task(visit(key, cost, stay))
        if cancelled is not None:
            await ticks(cancelled)
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async with asyncio.timeout(10):
        await asyncio.gather(*(cut(k, Cost(t, c), stay, end) for k, t, c, stay, end in people))
        # Everything is free again: the largest request there can be fits.
        async with admission.place(Meter(), Cost(12, 5)):
            pass


async def ticks(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
