"""One request, measured: was its answer right, and what it cost by the service's own account."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from statistics import fmean
from typing import Any

from service.app import Parts, create_app, scorer_path
from service.embedded.cache import MANIFEST
from service.embedded.problems.problems import Problem, chat
from service.engine.settings import EMBEDDED
from service.metering.run import RunResult
from service.protocol.cost import cost
from service.runner import Runner
from service.settings import Settings
from strategies.answers.extract import extract
from strategies.base.strategy import Strategy
from strategies.base.types import Decoding, Message, Prompt

TEMPERATURE = 0.8
MAX_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Measured:
    """One problem under one strategy, or the mean of several such requests.

    `flops` is 2 x parameters x tokens of generator and reward models together, what a prefix cache spared left out;
    `reward_tokens` and `prompt_tokens` leave it out too. `seconds` is wall-clock time of the whole request.
    """

    right: float
    completion_tokens: float
    prompt_tokens: float
    reward_tokens: float
    flops: float
    seconds: float
    degraded: float = 0.0

    @classmethod
    def of(cls, run: RunResult, problem: Problem, seconds: float) -> "Measured":
        """ValueError where the size of a model is not known."""
        meter = run.meter
        told = cost(meter, run.parameters.generator, run.parameters.scorers)
        if told["flops"] is None:
            raise ValueError("the number of parameters of a model is not known, so its arithmetic is not")
        return cls(
            right=float(is_right(run.outcome.answers[0].text, problem)),
            completion_tokens=meter.completion_tokens,
            prompt_tokens=meter.engine_prompt_tokens - meter.cached_tokens,
            reward_tokens=meter.reward_model_tokens - meter.reward_model_cached_tokens,
            flops=told["flops"],
            seconds=seconds,
            degraded=float(run.outcome.degraded is not None),
        )

    def as_json(self) -> dict[str, float]:
        return asdict(self)


def mean(several: Sequence[Measured]) -> Measured:
    """The mean of each figure; StatisticsError for none."""
    return Measured(**{f.name: fmean(getattr(one, f.name) for one in several) for f in fields(Measured)})


def is_right(text: str, problem: Problem) -> bool:
    """Whether the final answer in the text, found as the service finds it, is the problem's."""
    return extract(text) == str(problem.answer)


def prompt_of(problem: Problem, seed: int, **decoding: Any) -> Prompt:
    """The problem with its worked examples, decoded as all benchmarks do unless they say otherwise."""
    messages = tuple(Message(message["role"], message["content"]) for message in chat(problem))
    chosen = {"temperature": TEMPERATURE, "max_tokens": MAX_TOKENS, **decoding}
    return Prompt(messages, decoding=Decoding(seed=seed, **chosen))


def runner_of(parts: Parts, settings: Settings) -> Runner:
    """The runner that serves HTTP requests, without the HTTP."""
    runner: Runner = create_app(settings, parts.engine, parts.scorers).state.service.runner
    return runner


async def measured(runner: Runner, strategy: Strategy, prompt: Prompt, problem: Problem) -> Measured:
    """Run one request and measure it."""
    began = time.perf_counter()
    run = await runner.run(strategy, prompt, route="benchmark")
    return Measured.of(run, problem, time.perf_counter() - began)


def models_of(settings: Settings) -> dict[str, str]:
    """What tells the generator, and the first reward model, from others: figures hold for these models alone.

    ValueError where the first scorer has no weights of its own.
    """
    from service.embedded.build import build_generator

    model, reward = settings.engine.model, getattr(settings.loaded_scorers[0], "model", None)
    if not isinstance(reward, str):
        raise ValueError("the first scorer has no weights of its own, and figures are told by them")
    generator = build_generator() if model == EMBEDDED else Path(model)
    return {
        "generator": _digest(generator),
        "reward": _digest(Path(scorer_path(reward))),
    }


def _digest(folder: Path) -> str:
    """Of a built model what it was built from, of any other the names, sizes and times of its weights."""
    manifest = folder / MANIFEST
    if manifest.is_file():
        told = manifest.read_bytes()
    else:
        weights = sorted(folder.glob("*.safetensors"))
        told = repr([(w.name, w.stat().st_size, w.stat().st_mtime_ns) for w in weights]).encode()
    return sha256(told).hexdigest()[:12]
