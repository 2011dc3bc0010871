"""Ten times the load that can be served: what is served does not fall, what is not is refused at once."""

import asyncio
import time

from tests.chaos.http import Reply, chat
from tests.chaos.promises import Row, all_of, at_most, percentile
from tests.chaos.running import Running, running

_PLACES = 4
_SECONDS = 6.0
_SHARE = 0.9
# Ten words of 50 ms: half a second a request, so that four places serve eight requests a second.
_QUESTION = "SAY pace=0.05 two three four five six seven eight nine ten"
_SERVED_PER_S = _PLACES / 0.5


async def run() -> list[Row]:
    limits = {"max_concurrent_requests": _PLACES, "max_queued_requests": _PLACES, "max_connections": 4096}
    async with running("overload", limits=limits) as service:
        peak = await _closed_loop(service)
        begun = time.monotonic()
        replies = await _open_loop(service, 10 * _SERVED_PER_S)
        seconds = time.monotonic() - begun
    served = [reply for reply in replies if reply.status == 200]
    refused = [reply for reply in replies if reply.status == 503]
    share = len(served) / seconds / peak
    waits = sum("retry-after" in reply.headers for reply in refused)
    return [
        Row("goodput at 10 times the load, of the peak", f">= {_SHARE:g}", f"{share:.2f}", share >= _SHARE),
        at_most("refusals, p99", 0.1, percentile([reply.seconds for reply in refused], 0.99)),
        all_of("refusals say when to come back", waits, len(refused)),
        all_of("every request is served or refused", len(served) + len(refused), len(replies)),
    ]


async def _closed_loop(service: Running) -> float:
    """Requests served a second when there is always one waiting and never one too many."""
    begun = time.monotonic()

    async def keep_asking() -> int:
        served = 0
        while time.monotonic() - begun < _SECONDS:
            served += int((await service.ask(chat(_QUESTION))).status == 200)
        return served

    served = sum(await asyncio.gather(*(keep_asking() for _ in range(_PLACES + 1))))
    return served / (time.monotonic() - begun)


async def _open_loop(service: Running, per_second: float) -> list[Reply]:
    """Requests at a fixed rate, however many are answered."""
    begun, asked = time.monotonic(), []
    for i in range(round(_SECONDS * per_second)):
        await asyncio.sleep(max(0.0, begun + i / per_second - time.monotonic()))
        asked.append(asyncio.create_task(service.ask(chat(_QUESTION))))
    return await asyncio.gather(*asked)
