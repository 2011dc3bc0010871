"""Early rejection against the same search without it: right answers, tokens, arithmetic and seconds, in one process.

    python -m benchmarks.early_rejection [--problems 20] [--windows 5]

Every variant answers every problem with the same seed, in turn, the first problem only to warm up. The second workload
has steps of 64 tokens whatever the text (windows, as in the paper's code); its answers mean nothing, its cost does.
"""

import argparse
import asyncio
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.admission import Admission
from service.app import Parts, start_parts
from service.embedded.problems import Problem, chat, problems
from service.metrics import Metrics
from service.protocol.cost import cost
from service.runner import Run, Runner
from service.settings import Settings
from strategies.answers.extract import extract
from strategies.base.strategy import Strategy
from strategies.base.types import Decoding, Message, Prompt
from strategies.best_of_n import BestOfN
from strategies.early_rejection import EarlyRejection

ANSWERS: Mapping[str, Strategy] = {
    "best of 16": BestOfN(n=16, scorer="step", aggregation="last"),
    "steps, tau null": EarlyRejection(tau=None),
    "steps, tau 10": EarlyRejection(tau=10),
    "steps, tau 6": EarlyRejection(tau=6),
    "steps, tau 3": EarlyRejection(tau=3),
    "answers, tau 10": EarlyRejection(scope="response", tau=10),
    "answers, tau 6": EarlyRejection(scope="response", tau=6),
}

WINDOW: dict[str, Any] = {"delimiter": "ки\n", "max_step_tokens": 64, "max_steps": 3}
WINDOWS: Mapping[str, Strategy] = {
    "windows, tau null": EarlyRejection(tau=None, **WINDOW),
    "windows, tau 32": EarlyRejection(tau=32, **WINDOW),
    "windows, tau 16": EarlyRejection(tau=16, **WINDOW),
}


@dataclass
class Sums:
    """What one variant spent on all problems."""

    right: int = 0
    generated: int = 0
    prefill: int = 0
    read: int = 0
    cached: int = 0
    flops: int = 0
    seconds: list[float] = field(default_factory=list)

    def add(self, run: Run, problem: Problem) -> None:
        meter = run.meter
        told = cost(meter, run.parameters.generator, run.parameters.scorers)
        self.right += extract(run.outcome.answers[0].text) == str(problem.answer)
        self.generated += meter.completion_tokens
        self.prefill += meter.engine_prompt_tokens - meter.cached_tokens
        self.read += meter.reward_model_tokens - meter.reward_model_cached_tokens
        self.cached += meter.reward_model_cached_tokens
        self.flops += told["flops"]
        self.seconds.append(sum(meter.time_ms().values()) / 1000)


async def compare(
    runner: Runner, variants: Mapping[str, Strategy], asked: Sequence[Problem], decoding: dict[str, Any]
) -> dict[str, Sums]:
    """Every variant on every problem but the first, which warms up; each variant first in turn."""
    sums = {name: Sums() for name in variants}
    names = list(variants)
    for number, problem in enumerate(asked):
        messages = tuple(Message(**message) for message in chat(problem))
        prompt = Prompt(messages, decoding=Decoding(temperature=0.8, seed=number, **decoding))
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            run = await runner.run(variants[name], prompt, route="benchmark")
            if number:
                sums[name].add(run, problem)
    return sums


def show(title: str, sums: Mapping[str, Sums], count: int) -> None:
    print(f"\n{title}, {count} problems; per problem")
    print(
        "| variant | right | tokens generated | prefill | read by the PRM | from its cache | GFLOPs | seconds |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, s in sums.items():
        means = [f"{x / count:.0f}" for x in (s.generated, s.prefill, s.read, s.cached, s.flops / 1e9)]
        middle = f"{statistics.median(s.seconds):.2f}"
        print("| " + " | ".join([name, f"{s.right / count:.0%}", *means, middle]) + " |", flush=True)


async def measure(parts: Parts, settings: Settings, answers: int, windows: int) -> None:
    metrics = Metrics()
    runner = Runner(
        parts.engine, parts.scorers, Admission(settings.limits, metrics), settings.limits, metrics
    )
    try:
        asked = problems("test", max(answers, windows) + 1)
        short = await compare(runner, ANSWERS, asked[: answers + 1], {"max_tokens": 64})
        show("Short answers, as the model ends them", short, answers)
        fixed = {"max_tokens": 192, "ignore_eos": True}
        show("192 tokens", await compare(runner, WINDOWS, asked[: windows + 1], fixed), windows)
    finally:
        await asyncio.gather(parts.engine.aclose(), parts.scorers.aclose())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--problems", type=int, default=20)
    parser.add_argument("--windows", type=int, default=5)
    arguments = parser.parse_args()
    settings = Settings()
    asyncio.run(measure(start_parts(settings), settings, arguments.problems, arguments.windows))


if __name__ == "__main__":
    main()
