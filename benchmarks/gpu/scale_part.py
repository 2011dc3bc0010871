"""Part 3: real size without real weights: Best-of-N against bare engines, scores beside sampling, early rejection."""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.gpu.checkpoints import QWEN_7B, TOY, Pair, embedded_tokenizer, pair
from benchmarks.gpu.findings import Findings
from benchmarks.gpu.machine import Machine, need_memory, need_vllm
from benchmarks.gpu.serving import asked, chat, serving, stream
from service.app import Parts
from service.engine.group_lock import GroupLock
from service.engine.settings import EngineSettings
from service.engine.tokenizer.chat_tokenizer import ChatTokenizer
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.model_config import PoolingEngineConfig
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.pooling.engine import PoolingEngine
from service.reward_models.pooling.head import Head
from service.reward_models.pooling.outcome import PooledOutcomeScorer
from service.reward_models.reward_functions.scripted import ScriptedStepScorer
from service.settings import Settings
from strategies.base.types import Decoding, Message, Prompt

MOST_OVER_BARE = 1.05


@dataclass(frozen=True, slots=True)
class Workload:
    """`tokens` an answer, all of that length; `pairs` of bare and served requests for each N."""

    shape: Mapping[str, Any]
    sizes: tuple[int, ...]
    tokens: int
    pairs: int
    gib: float


REAL = Workload(QWEN_7B, (16, 64), 256, 5, 60)
DRY = Workload(TOY, (2,), 8, 1, 1)


def run(machine: Machine, folder: Path, *, dry_run: bool) -> Findings:
    need_vllm(machine)
    work = DRY if dry_run else REAL
    need_memory(machine, work.gib)
    models = pair(folder / "scale", work.shape, embedded_tokenizer(), weights=False)
    found = Findings()
    began = time.perf_counter()
    parts = start(models, on_gpu=not dry_run)
    found.row("start", seconds_of_both_engines=time.perf_counter() - began)
    asyncio.run(_all(found, parts, work, judged=not dry_run))
    del parts
    gc.collect()
    return found


def start(models: Pair, *, on_gpu: bool) -> Parts:
    """Both engines with `load_format: dummy`, the reward model's head read as an outcome score."""
    from service.engine.vllm.engine import VllmEngine

    # On a GPU they overlap; on CPU they take turns, as the service has it.
    lock = GroupLock(enabled=not on_gpu)
    share = {"gpu_memory_utilization": 0.5} if on_gpu else {"kv_cache_mib": 128}
    settings = EngineSettings.model_validate(
        {"max_model_len": 2048, "max_num_seqs": 64, "engine_args": {"load_format": "dummy"}, **share}
    )
    generator = VllmEngine.start(settings, str(models.generator), "generator", lock)
    rest = {"gpu_memory_utilization": 0.35} if on_gpu else {"kv_cache_mib": 128}
    shape = PoolingEngineConfig(
        max_model_len=4096, max_num_seqs=64, load_format="dummy", reads="token", **rest
    )
    engine = PoolingEngine.start(shape, models.reward, lock)
    outcome = PooledOutcomeScorer("outcome", ChatTokenizer(models.reward), engine, Head(0, "none"))
    infos = (
        ScorerInfo("outcome", "outcome", "vllm", "reward"),
        ScorerInfo("step", "step", "scripted", "scripted"),
    )
    scorers = LoadedScorers(
        infos, {"outcome": outcome}, {"step": ScriptedStepScorer("step")}, {"outcome": engine}
    )
    return Parts(generator, scorers)


async def _all(found: Findings, parts: Parts, work: Workload, *, judged: bool) -> None:
    async with serving(parts, Settings()) as http:
        for n in work.sizes:
            await compare(found, parts, http, n, work, judged=judged)
        await overlap(found, parts, http, max(work.sizes), work)
        await first_byte(found, http, work)
        await rejection(found, http, work)


async def bare(parts: Parts, n: int, work: Workload, seed: int, *, scores: bool) -> None:
    """The same work asked of the engines alone: all candidates, then all their scores in one batch."""
    engine: Any = parts.engine
    decoding = Decoding(max_tokens=work.tokens, temperature=1.0, ignore_eos=True, seed=seed)
    prompt = Prompt(tuple(Message(**message) for message in asked({})["messages"]), decoding=decoding)
    ready = await engine.requests.ask(prompt, "sample", streams=False)

    async def one(index: int) -> str:
        items = engine.requests.llm.generate(
            {"prompt_token_ids": ready.ids}, ready.seeded(index), f"bare-{seed}-{index}"
        )
        last: Any = None
        async with aclosing(items):
            async for item in items:
                last = item
        return str(last.outputs[0].text)

    texts = await asyncio.gather(*map(one, range(n)))
    if scores:
        await parts.scorers.outcome("outcome").score(prompt, texts)


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def body(work: Workload, seed: int, strategy: dict[str, Any]) -> dict[str, Any]:
    sampling = {"max_tokens": work.tokens, "temperature": 1.0, "ignore_eos": True, "seed": seed}
    return {"model": "generator", "strategy": strategy, **sampling}


async def compare(
    found: Findings, parts: Parts, http: httpx.AsyncClient, n: int, work: Workload, *, judged: bool
) -> None:
    """In turn, each first by turns; the first pair warms up. Quoted is the median of the ratios of pairs."""
    took: dict[str, list[float]] = {"bare": [], "nbest": []}
    for pair_ in range(work.pairs + 1):
        sides: dict[str, Callable[[], Awaitable[Any]]] = {
            "bare": lambda s=pair_: bare(parts, n, work, s + 100 * n, scores=True),  # type: ignore[misc]  # mypy infers no defaults
            "nbest": lambda s=pair_: chat(  # type: ignore[misc]  # as above
                http, **body(work, s + 100 * n, {"name": "best_of_n", "n": n, "scorer": "outcome"})
            ),
        }
        for side in ("bare", "nbest") if pair_ % 2 else ("nbest", "bare"):
            took[side].append(await timed(sides[side]))
    ratios = [b / a for a, b in zip(took["bare"][1:], took["nbest"][1:], strict=True)]
    seconds = {side: statistics.median(values[1:]) for side, values in took.items()}
    found.row(
        "Best-of-N with scores, over HTTP, against bare engines", n=n, tokens_each=work.tokens,
        bare_s=seconds["bare"], nbest_s=seconds["nbest"], tokens_per_s=n * work.tokens / seconds["nbest"],
        ratio=statistics.median(ratios), least=min(ratios), most=max(ratios),
    )  # fmt: skip
    if judged:
        ratio = statistics.median(ratios)
        text = f"Best-of-{n} takes {ratio:.3f} times the bare engines' seconds"
        found.claim(f"{text} (at most {MOST_OVER_BARE} are allowed)", ratio <= MOST_OVER_BARE)


async def overlap(found: Findings, parts: Parts, http: httpx.AsyncClient, n: int, work: Workload) -> None:
    """What scores cost where they overlap with sampling: the same candidates with and without a reward model."""
    with_scores, without = [], []
    for seed in range(1, work.pairs + 1):
        scored = {"name": "best_of_n", "n": n, "scorer": "outcome"}
        with_scores.append(await timed(lambda s=seed, b=scored: chat(http, **body(work, s, b))))  # type: ignore[misc]  # as above
        without.append(await timed(lambda s=seed: bare(parts, n, work, s, scores=False)))  # type: ignore[misc]  # as above
    figures = {
        "sampled_and_scored_s": statistics.median(with_scores),
        "bare_sampling_s": statistics.median(without),
    }
    found.row("scoring beside sampling", n=n, **figures)


async def first_byte(found: Findings, http: httpx.AsyncClient, work: Workload) -> None:
    read = [await stream(http, **body(work, seed, {"name": "single"})) for seed in range(work.pairs + 1)]
    first = statistics.median(one.first_s for one in read[1:] or read)
    found.row(
        "streamed single answer", first_byte_s=first, seconds=statistics.median(r.seconds for r in read)
    )
    found.claim("a streamed answer has text before it ends", all(0 < r.first_s < r.seconds for r in read))


async def rejection(found: Findings, http: httpx.AsyncClient, work: Workload) -> None:
    """Half are dropped at the first checkpoint by a scripted scorer: fewer tokens than whole answers."""
    whole = {"name": "early_rejection", "scope": "response", "scorer": "step", "beams": max(work.sizes)}
    early = {**whole, "tau": max(1, work.tokens // 4), "keep_ratio": 0.5}
    tokens: dict[str, int] = {}
    for name, strategy in (("whole answers", {**whole, "tau": None}), ("half rejected", early)):
        began = time.perf_counter()
        reply = await chat(http, **body(work, 3, strategy))
        tokens[name] = reply["usage"]["completion_tokens"]
        figures = {"seconds": time.perf_counter() - began, "tokens": tokens[name]}
        found.row("early rejection with a scripted scorer", search=name, **figures)
    saved = 1 - tokens["half rejected"] / tokens["whole answers"]
    found.claim(f"early rejection writes {saved:.0%} fewer tokens than whole answers", saved > 0)
