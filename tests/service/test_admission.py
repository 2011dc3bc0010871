"""Admission: sizes refused before anything is allocated, and a queue that is bounded, fair and leak-free."""

import asyncio

import pytest

from service.admission import Admission, check_size
from service.metering.meter import PhaseClock
from service.metrics import Metrics
from service.settings import Limits
from strategies.base.errors import DeadlineExceeded, InvalidRequest, Overloaded
from strategies.base.strategy import Strategy
from strategies.base.types import Decoding
from strategies.best_of_n import BestOfN
from strategies.fusion_of_n import FusionOfN
from strategies.single import Single

LIMITS = Limits(max_n=8, max_tokens=100, max_request_tokens=400, default_max_tokens=50)


@pytest.mark.parametrize(
    ("strategy", "decoding", "k", "param"),
    [
        (BestOfN(n=9), Decoding(), 1, "strategy.n"),
        (BestOfN(n=10**9), Decoding(max_tokens=10**9), 1, "strategy.n"),
        (Single(), Decoding(), 9, "n"),
        (BestOfN(n=4), Decoding(temperature=0), 1, "temperature"),
        (Single(), Decoding(max_tokens=101), 1, "max_tokens"),
        (BestOfN(n=5), Decoding(max_tokens=100), 1, "max_tokens"),
        (FusionOfN(n=3, fusion_max_tokens=101), Decoding(max_tokens=100), 1, "max_tokens"),
    ],
    ids=str,
)
def test_what_can_never_be_admitted_is_refused(
    strategy: Strategy, decoding: Decoding, k: int, param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_size(strategy, decoding, k, LIMITS)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("strategy", "decoding", "k"),
    [
        (BestOfN(n=8), Decoding(), 1),
        (Single(), Decoding(temperature=0), 1),
        (BestOfN(n=2), Decoding(), 4),
        (FusionOfN(n=3, fusion_max_tokens=100), Decoding(max_tokens=100), 1),
    ],
    ids=str,
)
def test_what_fits_is_admitted(strategy: Strategy, decoding: Decoding, k: int) -> None:
    check_size(strategy, decoding, k, LIMITS)


async def hold(admission: Admission, entered: list[int], me: int, leave: asyncio.Event) -> None:
    async with admission.place(PhaseClock()):
        entered.append(me)
        await leave.wait()


async def test_places_are_given_in_order_and_the_queue_is_bounded() -> None:
    admission = Admission(Limits(max_concurrent_requests=1, max_queued_requests=2), Metrics())
    entered: list[int] = []
    doors = [asyncio.Event() for _ in range(3)]
    tasks = [asyncio.create_task(hold(admission, entered, i, door)) for i, door in enumerate(doors)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        async with admission.place(PhaseClock()):
            pass
    for door in doors:
        door.set()
    await asyncio.gather(*tasks)
    assert entered == [0, 1, 2]


async def test_a_wait_ends_at_the_deadline_and_leaks_no_place() -> None:
    admission = Admission(Limits(max_concurrent_requests=1, max_queued_requests=2), Metrics())
    leave = asyncio.Event()
    holder = asyncio.create_task(hold(admission, [], 0, leave))
    await asyncio.sleep(0)
    with pytest.raises(DeadlineExceeded):
        async with admission.place(PhaseClock(), patience_s=0.02):
            pass
    leave.set()
    await holder
    async with asyncio.timeout(1), admission.place(PhaseClock()):
        pass


async def test_cancelled_while_waiting_leaks_no_place() -> None:
    admission = Admission(Limits(max_concurrent_requests=1), Metrics())
    leave = asyncio.Event()
    holder = asyncio.create_task(hold(admission, [], 0, leave))
    waiter = asyncio.create_task(hold(admission, [], 1, leave))
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    leave.set()
    await holder
    async with asyncio.timeout(1), admission.place(PhaseClock()):
        pass
