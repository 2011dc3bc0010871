"""A scorer that returns NaN, fails, or is slow: an error that says so or a named degradation, never a made-up score."""

from tests.chaos.http import chat
from tests.chaos.promises import Row, all_of, at_most
from tests.chaos.running import running

_ASKS = 10
_DEADLINE_S = 0.5
_STRATEGY = {"name": "best_of_n", "n": 4}


async def run() -> list[Row]:
    async with running("scorer faults") as service:
        rows = []
        for fault in ("nan", "short", "raise"):
            await service.control(fault=fault)
            failed = [await service.ask(chat("2 + 2?", strategy=_STRATEGY)) for _ in range(_ASKS)]
            told = sum((r.status, r.code) == (503, "scorer_failed") for r in failed)
            rows.append(all_of(f"a scorer that fails ({fault}) is a 503 scorer_failed", told, _ASKS))
        kinder = _STRATEGY | {"on_scorer_error": "majority"}
        degraded = [await service.ask(chat("2 + 2?", strategy=kinder)) for _ in range(_ASKS)]
        named = sum(r.status == 200 and r.json["nbest"]["degraded"] is not None for r in degraded)
        rows.append(all_of("where the request allows it, a 200 that names the degradation", named, _ASKS))
        await service.control(fault="slow", delay_s=30)
        slow = _STRATEGY | {"budget": {"deadline_ms": round(_DEADLINE_S * 1000)}}
        late = [await service.ask(chat("2 + 2?", strategy=slow)) for _ in range(_ASKS)]
        ended = sum(r.status == 504 or (r.status == 200 and bool(r.json["nbest"]["degraded"])) for r in late)
        rows.append(all_of("a slow scorer ends at the deadline, as 504 or degraded", ended, _ASKS))
        worst = max(reply.seconds for reply in late)
        rows.append(at_most("such a reply comes by the deadline of 0.5 s + 0.5 s", _DEADLINE_S + 0.5, worst))
        return rows
