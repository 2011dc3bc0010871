"""Clients that leave, in every phase of a request, streaming or not: within a second nothing works for them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.http import CHAT, chat, request_bytes
from tests.chaos.promises import Row, at_most
from tests.chaos.running import Running, running

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Phase:
    """A request that stays in one phase, and how to see that it is there."""

    name: str
    body: Mapping[str, Any]
    reached: Callable[[Report], object]


_VOTE = {"name": "majority", "n": 8, "equivalence": "math"}
_TOWERS = "SAY The answer is \\boxed{9^{9^{9^{#}}}}"
PHASES = (
    Phase(
        "sample", chat("SAY pace=5 b c", strategy={"name": "best_of_n", "n": 4}), lambda r: r["unfinished"]
    ),
    Phase("score", chat("2 + 2?", strategy={"name": "best_of_n", "n": 4}), lambda r: r["scoring"]),
    Phase(
        "fuse", chat("SAY fuse_pace=5 b #", strategy={"name": "fusion_of_n", "n": 4}), lambda r: r["fusing"]
    ),
    Phase("answer check", chat(_TOWERS, strategy=_VOTE), lambda r: r["checking"]),
)


async def run() -> list[Row]:
    rows = []
    async with running("disconnects", limits={"max_concurrent_requests": 1}) as service:
        for phase in PHASES:
            await service.control(delay_s=30 if phase.name == "score" else 0)
            for stream in (False, True):
                rows.append(await _leave(service, phase, stream))
        rows.append(await _leave_the_queue(service))
    return rows


async def _leave(service: Running, phase: Phase, stream: bool) -> Row:
    writer = await _begin(service, dict(phase.body) | {"stream": stream, "temperature": 1})
    await service.until(phase.reached)
    writer.transport.abort()
    idle_s = await service.until(_is_idle, 10)
    kind = "streaming" if stream else "whole"
    return at_most(f"client leaves in {phase.name} ({kind}): no work left", 1.0, idle_s)


async def _leave_the_queue(service: Running) -> Row:
    first = await _begin(service, chat("SAY pace=5 b c"))
    await service.until(lambda report: report["unfinished"])
    waiting = [await _begin(service, chat("SAY pace=5 b c")) for _ in range(8)]
    await service.until(lambda report: report["queued"] == len(waiting))
    for writer in waiting:
        writer.transport.abort()
    idle_s = await service.until(lambda report: report["queued"] == 0 and report["in_flight"] == 1, 10)
    first.transport.abort()
    await service.until(_is_idle, 10)
    return at_most("clients leave in the queue: no place is kept for them", 1.0, idle_s)


async def _begin(service: Running, body: Mapping[str, Any]) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(request_bytes("POST", CHAT, service.body(body)))
    return writer


def _is_idle(report: Report) -> bool:
    return not any(
        report[what] for what in ("in_flight", "unfinished", "scoring", "fusing", "checking", "queued")
    )
