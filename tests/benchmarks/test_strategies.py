"""The benchmark of the strategies on a scripted service: every row is measured, once, and the claims are checked."""

from pathlib import Path

import pytest

from benchmarks.ledger import Ledger
from benchmarks.measure import Measured
from benchmarks.strategies import Bench, Extent, run
from benchmarks.strategies_rows import SIZES, rows
from benchmarks.strategies_table import majority_claims, table
from service.embedded.problems.problems import problems
from service.engine.scripted.engine import ScriptedEngine
from service.settings import Settings
from strategies.base.types import Prompt
from strategies.catalog import CATALOG
from tests.benchmarks.parts import sized_parts

EXTENT = Extent(problems=3, live=2, timed=1)
MODELS = {"generator": "g", "reward": "r"}


def bench_on(path: Path, models: dict[str, str] = MODELS) -> Bench:
    return Bench(sized_parts(), Settings(), Ledger(path), models)


def generated(bench: Bench) -> int:
    assert isinstance(bench.parts.engine, ScriptedEngine)
    return bench.parts.engine.generation_tokens


def test_every_strategy_of_the_catalogue_has_rows_at_every_size() -> None:
    named = {(row.strategy.name, row.n) for row in rows()}
    for name in CATALOG:
        wanted = [1] if name in ("single", "top_h") else SIZES
        assert all((name, n) in named for n in wanted), name
    assert len({row.name for row in rows()}) == len(rows())


async def test_all_rows_are_measured_on_as_many_problems_as_told(tmp_path: Path) -> None:
    bench = bench_on(tmp_path / "figures.jsonl")
    await run(bench, rows(), EXTENT)
    for row in rows():
        wanted = EXTENT.problems if row.how == "replayed" or row.n == 1 else EXTENT.live
        assert len(bench.results[row.name]) == wanted, row.name
        assert len(bench.timed[row.name]) == (0 if row.how == "live" else EXTENT.timed), row.name
    told = table(rows(), bench.results, bench.timed)
    assert len(told.splitlines()) == 2 + len(rows())
    assert "| `best_of_majority` | 64 | " in told
    assert len(majority_claims(rows(), bench.results)) == 2


async def test_a_replayed_row_costs_what_it_would_live(tmp_path: Path) -> None:
    """Every candidate of the script has the same length whoever draws it, so that the accounts must agree."""
    chosen = [row for row in rows() if row.how == "replayed" and row.n == 16]
    bench = Bench(
        sized_parts(lambda prompt, index: f"It is {index % 3}\nThe answer is {index % 3}."),
        Settings(),
        Ledger(tmp_path / "figures.jsonl"),
        MODELS,
    )
    await bench.measure(chosen, Extent(problems=1, live=0, timed=1))
    for row in chosen:
        [replayed], [live] = bench.results[row.name].values(), bench.timed[row.name].values()
        assert replayed.prompt_tokens == live.prompt_tokens
        assert replayed.completion_tokens == pytest.approx(live.completion_tokens, rel=0.1)
        if row.label in ("best_of_n", "weighted_majority"):
            assert replayed.completion_tokens == 16 * 7
            assert replayed.reward_tokens == live.reward_tokens == 3 * 7
            assert replayed.flops == live.flops


async def test_what_was_measured_is_not_measured_again_for_the_same_models(tmp_path: Path) -> None:
    path = tmp_path / "figures.jsonl"
    first = bench_on(path)
    await first.measure(rows(), EXTENT)
    second = bench_on(path)
    await second.measure(rows(), EXTENT)
    assert generated(second) == 0 < generated(first)
    assert second.results == first.results
    assert second.timed == first.timed


async def test_another_reward_model_reads_the_same_answers(tmp_path: Path) -> None:
    path = tmp_path / "figures.jsonl"
    chosen = [row for row in rows() if row.how == "replayed"]
    await bench_on(path).measure(chosen, Extent(2, 0, 0))
    other = bench_on(path, {"generator": "g", "reward": "another"})
    await other.measure(chosen, Extent(2, 0, 0))
    assert generated(other) == 0
    third = bench_on(path, {"generator": "another", "reward": "r"})
    await third.measure(chosen, Extent(2, 0, 0))
    assert generated(third) > 0


async def test_right_answers_are_counted(tmp_path: Path) -> None:
    """Of every four one is right and scores best; in a vote it is one against three."""
    [problem] = problems("test", 1)

    def script(prompt: Prompt, index: int) -> str:
        return f"The answer is {-1 if index % 4 else problem.answer}.\n[score=0.{9 - index % 4}]"

    bench = Bench(sized_parts(script), Settings(), Ledger(tmp_path / "figures.jsonl"), MODELS)
    chosen = [row for row in rows() if row.how == "replayed"]
    await bench.measure(chosen, Extent(1, 0, 0))
    right = {row.name: bench.results[row.name][problem.key].right for row in chosen}
    assert right["best_of_n 4"] == right["best_of_n 64"] == 1
    assert right["majority 4"] == right["majority 64"] == 0


def test_a_fall_of_best_of_majority_is_called_one() -> None:
    def at(right: float) -> dict[str, Measured]:
        return {"p": Measured(right, 1, 1, 1, 1, 1)}

    found = {"best_of_majority 4": at(0.5), "best_of_majority 16": at(0.5), "best_of_majority 64": at(0.4)}
    level, fall = majority_claims(rows(), found)
    assert (level.holds, fall.holds) == (True, False)
    assert "IS BELOW" in fall.text
    assert "IS BELOW" not in level.text
