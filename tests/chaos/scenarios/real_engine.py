"""The real engine's processes killed and stopped under load, and everything else that a script cannot show."""

import asyncio
import os
import signal
import time

from tests.chaos import processes
from tests.chaos.http import CHAT, chat, request_bytes
from tests.chaos.promises import Row, all_of, at_most
from tests.chaos.running import LAGS, Running, running
from tests.chaos.spelling import Spelling

_REQUESTS = 6
_HANG_S = 5.0
_READY_S = 60.0
_AFTERWARDS_S = 1.0
# Longest wait for what is promised within `_READY_S`, so that a busy machine gives a figure rather than none.
_PATIENCE_S = 300.0
_LONG = chat("Count to a thousand.", max_tokens=900, temperature=1)
_DEGRADABLE = {"name": "best_of_n", "n": 4, "on_scorer_error": "majority"}


async def run() -> list[Row]:
    supervision = {"heartbeat_s": 0.5, "hang_timeout_s": _HANG_S, "max_restarts": 4}
    engine = {"max_model_len": 1024, "max_num_seqs": 16, "kv_cache_mib": 128}
    async with running("real engine", kind="vllm", engine=engine, supervision=supervision) as service:
        rows = await _special_tokens(service)
        rows += await _disconnects(service)
        LAGS["real engine"] = (await service.control())["lag_ms"]
        rows += await _lose_generator(service, signal.SIGKILL, 1.0)
        rows += await _lose_generator(service, signal.SIGSTOP, _HANG_S + 0.5 + 1.0)
        rows += await _lose_scorer(service)
        LAGS["real engine, three restarts"] = (await service.control())["lag_ms"]
        rows += await _stop(service)
    return rows


async def _special_tokens(service: Running) -> list[Row]:
    """Each in a question costs as many tokens as its letters do, so none of it was read as a control token."""
    spelling = Spelling()
    plain = await service.ask(chat("Say it again.", max_tokens=1))
    template = plain.json["usage"]["prompt_tokens"] - spelling.tokens("Say it again.")
    words, inert = spelling.special, 0
    for word in words:
        question = f"Say {word} again."
        reply = await service.ask(chat(question, max_tokens=1))
        asked = template + spelling.tokens(question)
        inert += reply.status == 200 and reply.json["usage"]["prompt_tokens"] == asked
    return [all_of("special tokens of the embedded tokenizer are inert in a prompt", inert, len(words))]


async def _disconnects(service: Running) -> list[Row]:
    rows = []
    for stream in (False, True):
        strategy = {"name": "best_of_n", "n": 4}
        _, writer = await asyncio.open_connection("127.0.0.1", service.port)
        body = service.body({**_LONG, "stream": stream, "max_tokens": 400, "strategy": strategy})
        writer.write(request_bytes("POST", CHAT, body))
        await service.until(lambda report: report["unfinished"] == 4, 30)
        writer.transport.abort()
        idle_s = await service.until(lambda report: report["unfinished"] == report["in_flight"] == 0, 10)
        kind = "streaming" if stream else "whole"
        rows.append(
            at_most(f"real engine, client leaves ({kind}): unfinished engine requests are 0", 1.0, idle_s)
        )
    return rows


async def _lose_generator(service: Running, number: signal.Signals, limit_s: float) -> list[Row]:
    begun = [asyncio.create_task(service.ask(_LONG)) for _ in range(_REQUESTS)]
    await service.until(lambda report: report["unfinished"] == _REQUESTS, 30)
    core = (await service.control())["generator"]
    os.kill(core, number)
    at = time.monotonic()
    replies = await asyncio.gather(*begun)
    told_s = time.monotonic() - at
    health = await service.send("GET", "/health")
    await service.ready(_PATIENCE_S)
    ready_s = time.monotonic() - at
    after = await service.ask(chat("2 + 2?", max_tokens=8))
    failed = sum((reply.status, reply.code) == (503, "engine_failed") for reply in replies)
    what = f"{number.name} of the generator's EngineCore"
    return [
        all_of(f"{what}: in flight is 503 engine_failed", failed, _REQUESTS),
        at_most(f"{what}: all are told", limit_s, told_s),
        at_most(f"{what}: ready again", _READY_S, ready_s),
        all_of(
            f"{what}: /health stays green, a request afterwards", (health.status, after.status).count(200), 2
        ),
        all_of(f"{what}: the lost process is gone", int(not processes.alive(core)), 1),
    ]


async def _lose_scorer(service: Running) -> list[Row]:
    os.kill((await service.control())["reward_models"][0], signal.SIGKILL)
    at = time.monotonic()
    body = chat("2 + 2?", max_tokens=16, temperature=1)
    failed = await service.ask(body | {"strategy": {"name": "best_of_n", "n": 4}})
    degraded = await service.ask(body | {"strategy": _DEGRADABLE})
    plain = await service.ask(body)
    await service.ready(_PATIENCE_S)
    ready_s = time.monotonic() - at
    after = await service.ask(body | {"strategy": {"name": "best_of_n", "n": 4}})
    named = degraded.status == 200 and degraded.json["nbest"]["degraded"] is not None
    return [
        all_of("dead reward model: 503 scorer_failed", int(failed.code == "scorer_failed"), 1),
        all_of("dead reward model: a named degradation where allowed", int(named), 1),
        all_of("dead reward model: requests that need no scorer", int(plain.status == 200), 1),
        at_most("dead reward model: ready again", _READY_S, ready_s),
        all_of("dead reward model: scores afterwards", int(after.status == 200), 1),
    ]


async def _stop(service: Running) -> list[Row]:
    family = processes.below(service.process.pid)
    short = chat("Count to ten.", max_tokens=64, temperature=1)
    begun = [asyncio.create_task(service.ask(short)) for _ in range(_REQUESTS)]
    await service.until(lambda report: report["unfinished"] == _REQUESTS, 30)
    service.process.terminate()
    replies = await asyncio.gather(*begun)
    code = await asyncio.wait_for(service.process.wait(), 60)
    whole = sum(reply.status == 200 for reply in replies)
    # Python's own tracker of shared memory sees the end of the process from outside, and ends a moment after it.
    await asyncio.sleep(_AFTERWARDS_S)
    left = sum(map(processes.alive, family))
    return [
        all_of("real engine, SIGTERM under load: in flight is answered", whole, _REQUESTS),
        Row(
            "real engine: exit code, processes left a second later",
            "0, 0",
            f"{code}, {left}",
            (code, left) == (0, 0),
        ),
    ]
