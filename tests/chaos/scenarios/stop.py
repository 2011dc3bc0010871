"""SIGTERM under load: nothing in flight is lost, new work is refused by name, the process ends with 0."""

import asyncio
import time

from tests.chaos.http import chat
from tests.chaos.promises import Row, all_of, at_most
from tests.chaos.running import running

_REQUESTS = 40
_NEW = 5


async def run() -> list[Row]:
    async with running("SIGTERM", limits={"max_concurrent_requests": 8}) as service:
        begun = [asyncio.create_task(service.ask(_body(i))) for i in range(_REQUESTS)]
        await service.until(lambda report: report["in_flight"] == _REQUESTS)
        service.process.terminate()
        told = time.monotonic()
        while (await service.send("GET", "/ready")).status != 503:
            pass
        unready_s = time.monotonic() - told
        refused = [await service.ask(chat("2 + 2?")) for _ in range(_NEW)]
        replies = await asyncio.gather(*begun)
        code = await asyncio.wait_for(service.process.wait(), 30)
    whole = sum(reply.status == 200 and b"ten" in reply.body for reply in replies)
    named = sum(reply.status == 503 and "retry-after" in reply.headers for reply in refused)
    return [
        all_of("SIGTERM under load: requests in flight are answered whole", whole, _REQUESTS),
        at_most("/ready says 503", 1.0, unready_s),
        all_of("new work is refused with 503 and a time to come back", named, _NEW),
        Row("exit code", "0", str(code), code == 0),
    ]


def _body(i: int) -> dict[str, object]:
    return chat("SAY pace=0.05 two three four five six seven eight nine ten", stream=i % 2 == 1)
