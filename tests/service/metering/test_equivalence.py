"""Comparisons are counted, and end at the request's deadline."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from service.metering.equivalence import MeteredEquivalence
from service.metering.limits import RequestLimits
from service.metering.meter import Meter
from service.observability.metrics import Metrics


@dataclass
class Slow:
    """Gives these verdicts after a while."""

    verdicts: Sequence[bool | None]
    delay_s: float = 0.0

    async def same(self, pairs: Sequence[tuple[str, str]]) -> Sequence[bool | None]:
        await asyncio.sleep(self.delay_s)
        return self.verdicts


PAIRS = [("1", "2"), ("1", "1.0"), ("x", "y")]


async def test_verdicts_pass_and_are_counted() -> None:
    meter, metrics = Meter(), Metrics()
    metered = MeteredEquivalence(Slow([False, True, None]), meter, RequestLimits(), metrics)
    assert await metered.same(PAIRS) == [False, True, None]
    assert meter.limit is None
    counts = [metrics.answer_checks.labels(word)._value.get() for word in ("same", "different", "undecided")]
    assert counts == [1, 1, 1]


async def test_at_the_deadline_the_rest_is_undecided() -> None:
    meter = Meter()
    bounds = RequestLimits(deadline=time.monotonic() + 0.05)
    metered = MeteredEquivalence(Slow([True] * 3, delay_s=5), meter, bounds, Metrics())
    assert await metered.same(PAIRS) == [None] * 3
    assert meter.limit == "deadline"
