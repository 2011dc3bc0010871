"""2,000 requests in flight at once, all with the same outside id: no answer holds anything of another's request."""

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.chaos.http import Reply, chat
from tests.chaos.promises import Row, all_of
from tests.chaos.running import Running, running

_REQUESTS = 2000
_STRATEGIES = (
    {"name": "single", "explain": "full"},
    {"name": "best_of_n", "n": 2, "explain": "full"},
    {"name": "majority", "n": 2, "explain": "full"},
)


async def run() -> list[Row]:
    limits = {"max_concurrent_requests": _REQUESTS, "max_connections": 2 * _REQUESTS}
    limits |= {"max_inflight_candidates": 2 * _REQUESTS, "max_inflight_tokens": 10**7}
    async with running("canaries", limits=limits, supervision={"hang_timeout_s": 300}) as service:
        # Nobody is answered before all are in.
        await service.control(frozen=True)
        asked = []
        for i in range(_REQUESTS):
            asked.append(asyncio.create_task(_ask(service, i)))
            if i % 50 == 49:
                await service.until(partial(_has, i + 1), 60)
        together = (await service.control(frozen=False))["in_flight"]
        replies = await asyncio.gather(*asked)
    own = sum(_canaries(reply) == {f"canary{i:05}"} for i, reply in enumerate(replies))
    ids = {reply.headers.get("x-request-id") for reply in replies}
    return [
        all_of("requests in flight together", together, _REQUESTS),
        all_of("2,000 at once with equal ids: each answer holds its own canary alone", own, _REQUESTS),
        all_of("their ids of ours all differ", len(ids), _REQUESTS),
    ]


def _has(requests: int, report: Mapping[str, Any]) -> bool:
    return bool(report["in_flight"] == requests)


async def _ask(service: Running, i: int) -> Reply:
    body = chat(
        f"SAY The answer is canary{i:05} pace={i % 100 / 100}",
        strategy=_STRATEGIES[i % 3],
        stream=i % 2 == 1,
        temperature=1,
        seed=1,
    )
    return await service.ask(body, **{"x-request-id": "the-same-for-all", "idempotency-key": "the-same"})


def _canaries(reply: Reply) -> set[str]:
    text = reply.body.decode() if reply.status == 200 else ""
    return set(re.findall(r"canary\d{5}", text))
