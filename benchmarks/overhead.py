"""What the service adds: Best-of-16 over HTTP against the bare engines doing the same work, in turn, in one process.

    python -m benchmarks.overhead [--pairs 15]

The bare side draws 16 candidates from the same vLLM engine with the same seeds and then has all of them scored in one
batch by the same pooling engine, with every prompt tokenised beforehand. Quoted is the median of the ratios of pairs.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from service.app import Parts, create_app, start_parts
from service.embedded.problems.problems import chat, problems
from service.engine.vllm.engine import VllmEngine
from service.settings import Settings
from service.supervision.engine import SupervisedEngine
from strategies.base.types import Decoding, Message, Prompt

N = 16


@dataclass(frozen=True)
class Workload:
    """One kind of request; `fixed` makes every candidate as long as `max_tokens` allows."""

    name: str
    max_tokens: int
    fixed: bool

    def body(self, messages: list[dict[str, str]], model: str, seed: int) -> dict[str, Any]:
        strategy = {"name": "best_of_n", "n": N, "scorer": "outcome", "explain": "full"}
        sampling = {"temperature": 0.8, "max_tokens": self.max_tokens, "ignore_eos": self.fixed, "seed": seed}
        return {"model": model, "messages": messages, "strategy": strategy, **sampling}

    def prompt(self, messages: list[dict[str, str]], seed: int) -> Prompt:
        decoding = Decoding(max_tokens=self.max_tokens, temperature=0.8, ignore_eos=self.fixed, seed=seed)
        return Prompt(
            tuple(Message(message["role"], message["content"]) for message in messages), decoding=decoding
        )


WORKLOADS = (
    Workload("short answers, as the model ends them", 64, False),
    Workload("128 tokens each", 128, True),
)


async def bare(parts: Parts, prompt: Prompt) -> int:
    """Draw and score without the service; returns the tokens generated."""
    assert isinstance(parts.engine, SupervisedEngine)
    engine = parts.engine.inner
    assert isinstance(engine, VllmEngine)
    asked = await engine.requests.ask(prompt, "sample", streams=False)

    async def one(index: int) -> Any:
        items = engine.requests.llm.generate(
            {"prompt_token_ids": asked.ids}, asked.seeded(index), f"bare-{index}"
        )
        last: Any = None
        async with aclosing(items):
            async for item in items:
                last = item
        return last.outputs[0]

    outputs = await asyncio.gather(*map(one, range(N)))
    await parts.scorers.outcome("outcome").score(prompt, [f"{output.text}" for output in outputs])
    return sum(len(output.token_ids) for output in outputs)


async def served(http: httpx.AsyncClient, body: dict[str, Any]) -> int:
    """The same over HTTP."""
    reply = await http.post("/v1/chat/completions", json=body)
    reply.raise_for_status()
    tokens: int = reply.json()["usage"]["completion_tokens"]
    return tokens


async def timed(work: Callable[[], Awaitable[int]]) -> tuple[float, int]:
    started = time.perf_counter()
    tokens = await work()
    return time.perf_counter() - started, tokens


async def compare(parts: Parts, http: httpx.AsyncClient, workload: Workload, pairs: int) -> None:
    """Pairs of the two sides on fresh questions, each side first in turn; the first pair warms up."""
    ratios, seconds = [], {"bare": list[float](), "nbest": list[float]()}
    tokens = {"bare": 0, "nbest": 0}
    for pair, problem in enumerate(problems("test", pairs + 1)):
        messages = chat(problem)
        body = workload.body(messages, parts.engine.info.model, seed=pair)
        sides: dict[str, Callable[[], Awaitable[int]]] = {
            "bare": lambda m=messages, p=pair: bare(parts, workload.prompt(m, p)),  # type: ignore[misc]  # mypy infers no defaults
            "nbest": lambda b=body: served(http, b),  # type: ignore[misc]  # as above
        }
        order = ("bare", "nbest") if pair % 2 else ("nbest", "bare")
        took = {side: await timed(sides[side]) for side in order}
        if pair == 0:
            continue
        ratios.append(took["nbest"][0] / took["bare"][0])
        for side in order:
            seconds[side].append(took[side][0])
            tokens[side] += took[side][1]
    print(f"{workload.name} ({pairs} pairs, N={N})")
    for side in ("bare", "nbest"):
        print(f"  {side:6} median {statistics.median(seconds[side]):.3f} s, {tokens[side]} tokens in all")
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"  nbest / bare: median {middle:.3f} (quartiles {low:.3f} to {high:.3f})", flush=True)


async def measure(parts: Parts, settings: Settings, pairs: int) -> None:
    config = uvicorn.Config(create_app(settings, parts.engine, parts.scorers), port=0, log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (uvicorn announces its start by this flag alone)
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=300) as http:
            for workload in WORKLOADS:
                await compare(parts, http, workload, pairs)
    finally:
        server.should_exit = True
        await serving


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=15)
    settings = Settings()
    asyncio.run(measure(start_parts(settings), settings, parser.parse_args().pairs))


if __name__ == "__main__":
    main()
