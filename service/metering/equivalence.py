"""The comparison of answers as a strategy sees it: counted, and given up at the deadline."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from service.metering.limits import RequestLimits
from service.metering.meter import Meter
from service.observability.metrics import Metrics
from strategies.base.ports import Equivalence

_WORDS = {True: "same", False: "different", None: "undecided"}


@dataclass(frozen=True, slots=True)
class MeteredEquivalence:
    """Answers are compared until the request's deadline; what is left then is undecided, and the limit is noted."""

    inner: Equivalence
    meter: Meter
    bounds: RequestLimits
    metrics: Metrics

    async def same(self, pairs: Sequence[tuple[str, str]]) -> Sequence[bool | None]:
        verdicts: Sequence[bool | None] = [None] * len(pairs)
        try:
            with self.meter.clock.watched("check"):
                async with asyncio.timeout(self.bounds.seconds_left):
                    verdicts = await self.inner.same(pairs)
        except TimeoutError:
            self.meter.limit = "deadline"
        for verdict in verdicts:
            self.metrics.answer_checks.labels(_WORDS[verdict]).inc()
        return verdicts
