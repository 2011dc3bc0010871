"""Early rejection against the same search without it: right answers, tokens, arithmetic and seconds, with intervals.

    python -m benchmarks.early_rejection [--problems 60] [--windows 3]

Every variant answers every problem, each first in turn, with one seed a problem; the generator has read the prompt and
the reward model nothing. Every figure is written to a file of JSON lines as it is measured and not measured again for
the same models. The second workload has steps of 64 tokens whatever the text (windows, as in the paper's code); its
answers mean nothing, its cost does. The setting comes from `nbest calibrate`, on problems of another split.
"""

import argparse
import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.caches import forget_readings, read_prompt
from benchmarks.early_rejection_table import Results, claims, table
from benchmarks.early_rejection_variants import CALIBRATED, WINDOWS, variants
from benchmarks.ledger import Ledger
from benchmarks.measure import Measured, measured, models_of, prompt_of, runner_of
from service.app import Parts, start_parts
from service.embedded.evaluation.evaluate import replace_table
from service.embedded.paths import cache_dir
from service.embedded.problems.problems import Problem, problems
from service.settings import Settings
from strategies.base.strategy import Strategy

DOCUMENT = Path("docs/strategies/early_rejection.md")
WINDOW_SAMPLING = {"max_tokens": 192, "ignore_eos": True}


class Bench:
    """Measures variants on problems, and keeps what it finds in the ledger."""

    def __init__(self, parts: Parts, settings: Settings, ledger: Ledger, models: Mapping[str, str]) -> None:
        self.parts = parts
        self.runner = runner_of(parts, settings)
        self.ledger = ledger
        self.models = models

    async def compare(
        self, compared: Mapping[str, Strategy], asked: Sequence[Problem], sampling: Mapping[str, Any]
    ) -> Results:
        """Every variant on every problem, each first in turn; by variant, and in it by problem."""
        results: dict[str, dict[str, Measured]] = defaultdict(dict)
        names = list(compared)
        for number, problem in enumerate(asked):
            shift = number % len(names)
            for name in names[shift:] + names[:shift]:
                results[name][problem.key] = await self._one(compared[name], problem, number, sampling)
        return {name: results[name] for name in names}

    async def _one(
        self, strategy: Strategy, problem: Problem, number: int, sampling: Mapping[str, Any]
    ) -> Measured:
        spec = {"name": strategy.name, **strategy.model_dump(mode="json")}
        about = {"problem": problem.key, "question": problem.question, "seed": number}
        key = {"strategy": spec, "sampling": dict(sampling), **about, **self.models}
        if (known := self.ledger.get(key)) is None:
            prompt = prompt_of(problem, number, **sampling)
            await read_prompt(self.parts.engine, prompt)
            await forget_readings(self.parts)
            known = (await measured(self.runner, strategy, prompt, problem)).as_json()
            self.ledger.put(key, known)
        return Measured(**known)


async def run(
    bench: Bench, compared: Mapping[str, Strategy], answers: int, windows: int
) -> tuple[Results, Results]:
    """Measure what the ledger lacks: short answers, then windows. Stops the engines."""
    try:
        # What runs first in a new engine is slow, and would be held against one variant.
        for strategy in compared.values():
            await bench.runner.run(strategy, prompt_of(*_warming()), route="benchmark")
        short = await bench.compare(compared, problems("test", answers), {})
        fixed = await bench.compare(WINDOWS, problems("test", windows), WINDOW_SAMPLING)
    finally:
        await asyncio.gather(bench.parts.engine.aclose(), bench.parts.scorers.aclose())
    return short, fixed


def _warming() -> tuple[Problem, int]:
    return problems("validation", 1)[0], 0


def report(short: Results, fixed: Results) -> str:
    """The tables with what they must show, for the page."""
    parts = [table(short), *(claim.text for claim in claims(short))]
    if any(fixed.values()):
        parts += ["Steps of 64 tokens, answers of 192:", table(fixed)]
    return "\n\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", type=int, default=60)
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument(
        "--setting", type=json.loads, default=CALIBRATED, help="JSON: the calibrated parameters"
    )
    parser.add_argument("--only", nargs="*", help="variants to measure (default: all)")
    parser.add_argument("--out", type=Path, default=cache_dir() / "benchmarks" / "early_rejection.jsonl")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="page whose table is replaced")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured")
    given = parser.parse_args()
    compared = {n: s for n, s in variants(given.setting).items() if not given.only or n in given.only}
    ledger = Ledger(given.out)
    if given.fresh:
        ledger.clear()
    settings = Settings()
    bench = Bench(start_parts(settings), settings, ledger, models_of(settings))
    short, fixed = asyncio.run(run(bench, compared, given.problems, given.windows))
    told = report(short, fixed)
    print(told)
    if not given.only:
        replace_table(given.document, told)
    return 0 if all(claim.holds for claim in claims(short)) else 1


if __name__ == "__main__":
    sys.exit(main())
