"""Part 2: the service on vLLM here, both engines on one device: each strategy, live candidates, abort, top-H."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from benchmarks.gpu.checkpoints import SMOLLM, TOY, Pair, embedded_tokenizer, pair
from benchmarks.gpu.findings import Findings
from benchmarks.gpu.machine import Machine, need_memory, need_vllm
from benchmarks.gpu.serving import chat, serving, stream
from service.app import Parts, start_parts
from service.settings import Settings

STRATEGIES: dict[str, dict[str, Any]] = {
    "single": {},
    "top_h": {},
    "best_of_n": {"n": 8},
    "majority": {"n": 8},
    "weighted_majority": {"n": 8},
    "best_of_majority": {"n": 8},
    "early_rejection": {"beams": 4, "beam_width": 2, "tau": 6, "max_steps": 3, "max_step_tokens": 24},
    "fusion_of_n": {"n": 3, "fusion_max_tokens": 32},
}


def run(machine: Machine, folder: Path, *, dry_run: bool) -> Findings:
    need_vllm(machine)
    need_memory(machine, 1 if dry_run else 20)
    models = pair(folder / "service", TOY if dry_run else SMOLLM, embedded_tokenizer(), weights=True)
    settings = settings_for(models, on_gpu=not dry_run)
    parts = start_parts(settings)
    found = Findings()
    asyncio.run(_all(found, parts, settings))
    del parts
    gc.collect()
    return found


def settings_for(models: Pair, *, on_gpu: bool) -> Settings:
    """Memory shares in the proportions of deploy/profiles/gpu-80gb.yaml, of a card that may be shared."""
    generator: dict[str, Any] = {"model": str(models.generator), "served_model_name": "generator"}
    scorer: dict[str, Any] = {"model": str(models.reward), "sanity_check": False, "max_model_len": 1024}
    generator["max_model_len"] = 1024
    if on_gpu:
        generator |= {
            "gpu_memory_utilization": 0.65,
            "dtype": "bfloat16",
            "max_num_seqs": 256,
            "enforce_eager": True,
        }
        scorer |= {"gpu_memory_utilization": 0.28, "dtype": "bfloat16", "max_num_seqs": 128}
    else:
        generator |= {"kv_cache_mib": 128, "max_num_seqs": 16}
        scorer |= {"kv_cache_mib": 128, "max_num_seqs": 16}
    scorers = [
        {"name": "outcome", "kind": "outcome", **scorer},
        {"name": "step", "kind": "step", "label": 1, **scorer},
    ]
    read: Settings = Settings.model_validate({"engine": generator, "scorers": scorers})
    return read


async def _all(found: Findings, parts: Parts, settings: Settings) -> None:
    async with serving(parts, settings) as http:
        for name, parameters in STRATEGIES.items():
            await _try(found, f"strategy {name}", lambda n=name, p=parameters: _strategy(http, n, p))  # type: ignore[misc]  # mypy infers no defaults
        await _try(found, "a seed gives the same answer twice", lambda: _seeded(http))
        await _try(found, "a seeded request with top-H truncation in a batch", lambda: _mixed(http))
        await _try(found, "a wrong top_h is refused with 400", lambda: _refused(http))
        await _try(found, "an answer is streamed", lambda: _streams(http))
        await _try(found, "a client that leaves aborts its candidates", lambda: _abort(http, parts))
        await _try(found, "early rejection of live candidates rejects some", lambda: _rejects(http))


async def _try(found: Findings, what: str, check: Callable[[], Awaitable[bool]]) -> None:
    """One claim; what it raises is its failure, in one line."""
    try:
        async with asyncio.timeout(120):
            found.claim(what, await check())
    except Exception as error:  # what a check meets is what the report is for
        found.claim(f"{what}: {type(error).__name__}: {error}".replace("\n", " ")[:400], False)


async def _strategy(http: httpx.AsyncClient, name: str, parameters: dict[str, Any]) -> bool:
    body = {"model": "generator", "max_tokens": 48, "temperature": 0.8}
    reply = await chat(http, **body, strategy={"name": name, **parameters})
    return bool(reply["choices"]) and reply["usage"]["completion_tokens"] > 0


async def _seeded(http: httpx.AsyncClient) -> bool:
    body = {"model": "generator", "max_tokens": 32, "seed": 5, "temperature": 1.0}
    first, second = [await chat(http, **body) for _ in range(2)]
    return bool(first["choices"][0]["message"]["content"] == second["choices"][0]["message"]["content"])


async def _mixed(http: httpx.AsyncClient) -> bool:
    plain = [chat(http, model="generator", max_tokens=32, seed=n) for n in range(4)]
    with_it = [
        chat(http, model="generator", max_tokens=32, seed=n, strategy={"name": "top_h"}) for n in range(4)
    ]
    return all(reply["choices"] for reply in await asyncio.gather(*plain, *with_it))


async def _refused(http: httpx.AsyncClient) -> bool:
    body = {"model": "generator", "messages": [{"role": "user", "content": "1 + 1"}]}
    wrong = {**body, "strategy": {"name": "top_h", "top_h": 7}}
    return (await http.post("/v1/chat/completions", json=wrong)).status_code == 400


async def _streams(http: httpx.AsyncClient) -> bool:
    read = await stream(http, model="generator", max_tokens=48, temperature=0.8, ignore_eos=True)
    return read.characters > 0 and read.first_s < read.seconds


async def _abort(http: httpx.AsyncClient, parts: Parts) -> bool:
    engine: Any = parts.engine
    body = {
        "model": "generator",
        "max_tokens": 900,
        "ignore_eos": True,
        "strategy": {"name": "best_of_n", "n": 8},
    }
    asking = asyncio.create_task(chat(http, **body))
    await asyncio.sleep(0.5)
    began = engine.inner.unfinished
    asking.cancel()
    for _ in range(200):
        if engine.inner.unfinished == 0:
            return bool(began > 0)
        await asyncio.sleep(0.02)
    return False


async def _rejects(http: httpx.AsyncClient) -> bool:
    strategy = {"name": "early_rejection", "scope": "response", "beams": 8, "beam_width": 4, "tau": 8}
    body = {"model": "generator", "max_tokens": 48, "ignore_eos": True, "temperature": 1.0}
    reply = await chat(http, **body, strategy={**strategy, "explain": "full"})
    fates = [candidate["fate"] for candidate in reply["nbest"]["candidates"]]
    return fates.count("rejected_early") > 0
