"""A scripted engine that dies, one that freezes: in flight is 503 within a second of noticing, another one serves."""

import asyncio
import time
from typing import Any

from tests.chaos.http import chat
from tests.chaos.promises import Row, all_of, at_most
from tests.chaos.running import Running, running

_REQUESTS = 20
_HANG_S = 1.0
_SLOW = "SAY pace=0.5 b c d e f g h i j"


async def run() -> list[Row]:
    supervision = {"heartbeat_s": 0.2, "hang_timeout_s": _HANG_S, "max_restarts": 2}
    async with running("engine faults", supervision=supervision) as service:
        rows = await _lose(service, "dies", 1.0, dead=True)
        rows += await _lose(service, "freezes (noticed after 1 s)", _HANG_S + 0.2 + 1.0, frozen=True)
        begun = [asyncio.create_task(service.ask(chat(_SLOW))) for _ in range(_REQUESTS)]
        await service.until(lambda report: report["unfinished"] == _REQUESTS)
        await service.control(dead=True)
        replies = await asyncio.gather(*begun)
        code = await asyncio.wait_for(service.process.wait(), 30)
    failed = sum((reply.status, reply.code) == (503, "engine_failed") for reply in replies)
    return [
        *rows,
        all_of("engine dies once too often: in flight is 503", failed, _REQUESTS),
        Row("then the process ends with", "1", str(code), code == 1),
    ]


async def _lose(service: Running, how: str, limit_s: float, **fault: Any) -> list[Row]:
    begun = [asyncio.create_task(service.ask(chat(_SLOW))) for _ in range(_REQUESTS)]
    await service.until(lambda report: report["unfinished"] == _REQUESTS)
    at = time.monotonic()
    await service.control(**fault)
    replies = await asyncio.gather(*begun)
    told_s = time.monotonic() - at
    ready_s = await service.ready(10)
    after = [await service.ask(chat("2 + 2?")) for _ in range(5)]
    failed = sum((reply.status, reply.code) == (503, "engine_failed") for reply in replies)
    return [
        all_of(f"engine {how}: in flight is 503 engine_failed", failed, _REQUESTS),
        at_most(f"engine {how}: all are told", limit_s, told_s),
        at_most(f"engine {how}: ready again", 5.0, ready_s),
        all_of(f"engine {how}: answers afterwards", sum(reply.status == 200 for reply in after), 5),
    ]
