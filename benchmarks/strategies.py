"""Every strategy at N = 4, 16, 64 on held-out problems: right answers, tokens, arithmetic and seconds, with intervals.

    python -m benchmarks.strategies [--problems 60] [--live 15] [--timed 4]

Answers are drawn once, 64 to each of `--problems`; strategies that only select do so among these, in as many disjoint
sets of N as there are. Rows that must generate run live on the first `--live` problems, and each replayed row runs live
on `--timed` problems for its seconds. Every figure is written to a file of JSON lines as it is measured and not
measured again for the same models: a run that was stopped goes on where it was. The table goes into the documentation.
"""

import argparse
import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.caches import forget_readings, read_prompt
from benchmarks.early_rejection_variants import CALIBRATED
from benchmarks.ledger import Ledger
from benchmarks.measure import Measured, mean, measured, models_of, prompt_of, runner_of
from benchmarks.recorded import Recorded, Recorder
from benchmarks.replay import ReplayEngine, deal
from benchmarks.strategies_rows import SIZES, Row, rows
from benchmarks.strategies_table import majority_claims, table
from service.app import Parts, start_parts
from service.embedded.evaluation.evaluate import replace_table
from service.embedded.paths import cache_dir
from service.embedded.problems.problems import Problem, problems
from service.runner import Runner
from service.settings import Settings
from strategies.base.types import Candidate

DOCUMENT = Path("docs/benchmarks.md")


@dataclass(frozen=True)
class Extent:
    """How many problems: those answered from the record, those of live rows, those on which replayed rows are timed."""

    problems: int
    live: int
    timed: int


class Bench:
    """Measures row after row, problem after problem, and keeps what it finds in the ledger."""

    def __init__(self, parts: Parts, settings: Settings, ledger: Ledger, models: dict[str, str]) -> None:
        self.parts = parts
        self.runner = runner_of(parts, settings)
        self.ledger = ledger
        self.models = models
        self.recorder = Recorder(ledger, models, max(SIZES))
        self.results: dict[str, dict[str, Measured]] = defaultdict(dict)
        self.timed: dict[str, dict[str, Measured]] = defaultdict(dict)

    async def measure(self, chosen: Sequence[Row], extent: Extent) -> None:
        """Fill `results` and `timed`; what takes least time for most figures comes first."""
        asked = problems("test", extent.problems)
        for number, problem in enumerate(asked):
            for row in (row for row in chosen if row.how == "replayed"):
                self.results[row.name][problem.key] = await self._replayed(row, problem, number)
            for row in (row for row in chosen if row.how == "live" and row.n == 1):
                self.results[row.name][problem.key] = await self._live(row, problem)
        for number, problem in enumerate(asked[: extent.live]):
            for row in _in_turn([row for row in chosen if row.how == "live" and row.n > 1], number):
                self.results[row.name][problem.key] = await self._live(row, problem)
            for row in (row for row in chosen if row.how == "fused"):
                self.results[row.name][problem.key] = await self._replayed(row, problem, number)
        for number, problem in enumerate(asked[: extent.timed]):
            for row in _in_turn([row for row in chosen if row.how != "live"], number):
                self.timed[row.name][problem.key] = await self._live(row, problem)

    async def _replayed(self, row: Row, problem: Problem, number: int) -> Measured:
        """The mean over the sets that the record holds; a row that generates too answers from one set alone."""
        key = self._key(row, problem, "replayed")
        if (known := self.ledger.get(key)) is None:
            recorded = await self.recorder.record(problem, number, self.parts)
            sets = deal(recorded.candidates, row.n)
            if row.how == "fused":
                sets = sets[:1]
            runs = [await self._select(row, problem, recorded, dealt) for dealt in sets]
            known = mean(runs).as_json()
            self.ledger.put(key, known)
        return Measured(**known)

    async def _select(
        self, row: Row, problem: Problem, recorded: Recorded, dealt: tuple[Candidate, ...]
    ) -> Measured:
        runner: Runner = replace(
            self.runner,
            engine=ReplayEngine(dealt, self.parts.engine),
            scorers=recorded.scorers(self.parts),
        )
        return await measured(runner, row.strategy, recorded.prompt, problem)

    async def _live(self, row: Row, problem: Problem) -> Measured:
        key = self._key(row, problem, "live")
        if (known := self.ledger.get(key)) is None:
            prompt = prompt_of(problem, seed=row.seed(problem), **row.sampling)
            await read_prompt(self.parts.engine, prompt)
            await forget_readings(self.parts)
            known = (await measured(self.runner, row.strategy, prompt, problem)).as_json()
            self.ledger.put(key, known)
        return Measured(**known)

    def _key(self, row: Row, problem: Problem, how: str) -> dict[str, object]:
        return {"kind": how, **row.key, "problem": problem.key, "question": problem.question, **self.models}


def _in_turn(chosen: Sequence[Row], number: int) -> list[Row]:
    """Each first in turn, so that none gains by its place."""
    shift = number % max(len(chosen), 1)
    return [*chosen[shift:], *chosen[:shift]]


async def run(bench: Bench, chosen: Sequence[Row], extent: Extent) -> None:
    """Measure what the ledger lacks, and stop the engines."""
    try:
        await bench.measure(chosen, extent)
    finally:
        await asyncio.gather(bench.parts.engine.aclose(), bench.parts.scorers.aclose())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", type=int, default=60)
    parser.add_argument("--live", type=int, default=15)
    parser.add_argument("--timed", type=int, default=4)
    parser.add_argument("--only", nargs="*", help="labels of the rows to measure (default: all)")
    parser.add_argument(
        "--early", type=json.loads, default=CALIBRATED, help="JSON: early rejection's parameters"
    )
    parser.add_argument("--out", type=Path, default=cache_dir() / "benchmarks" / "strategies.jsonl")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="page whose table is replaced")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured")
    given = parser.parse_args()
    chosen = [row for row in rows(early=given.early) if not given.only or row.label in given.only]
    settings = Settings()
    ledger = Ledger(given.out)
    if given.fresh:
        ledger.clear()
    extent = Extent(given.problems, given.live, given.timed)
    bench = Bench(start_parts(settings), settings, ledger, models_of(settings))
    asyncio.run(run(bench, chosen, extent))
    claims = majority_claims(chosen, bench.results)
    told = "\n\n".join([table(chosen, bench.results, bench.timed), *(claim.text for claim in claims)])
    print(told)
    if not given.only:
        replace_table(given.document, told)
    return 0 if all(claim.holds for claim in claims) else 1


if __name__ == "__main__":
    sys.exit(main())
