"""The benchmark of early rejection on a scripted service, and what it must show, by hand."""

from pathlib import Path

import pytest

from benchmarks.early_rejection import Bench, report, run
from benchmarks.early_rejection_table import claims, paired, table
from benchmarks.early_rejection_variants import CALIBRATED, CHOSEN, PLAIN, WINDOWS, variants
from benchmarks.ledger import Ledger
from benchmarks.measure import Measured
from service.engine.scripted.engine import ScriptedEngine
from service.settings import Settings
from strategies.early_rejection import EarlyRejection
from tests.benchmarks.parts import sized_parts


def bench_on(path: Path) -> Bench:
    return Bench(sized_parts(), Settings(), Ledger(path), {"generator": "g", "reward": "r"})


async def test_every_variant_answers_every_problem_once(tmp_path: Path) -> None:
    path = tmp_path / "figures.jsonl"
    short, fixed = await run(bench_on(path), variants(), 3, 1)
    assert {name: len(found) for name, found in short.items()} == dict.fromkeys(variants(), 3)
    assert {name: len(found) for name, found in fixed.items()} == dict.fromkeys(WINDOWS, 1)
    again = bench_on(path)
    assert await again.compare(variants(), [], {}) == {name: {} for name in variants()}
    assert await run(again, variants(), 3, 1) == (short, fixed)
    assert isinstance(again.parts.engine, ScriptedEngine)
    told = report(short, fixed)
    assert told.count(f"| {PLAIN} |") == 2
    assert f"| {CHOSEN} |" in told


def test_the_calibrated_setting_is_as_large_as_the_plain_search() -> None:
    compared = variants(CALIBRATED)
    for name in (PLAIN, CHOSEN):
        strategy = compared[name]
        assert isinstance(strategy, EarlyRejection)
        assert strategy.beams == 16


def of(right: float, flops: float, seconds: float) -> Measured:
    return Measured(right, 10, 10, 10, flops, seconds)


def found(*chosen: Measured) -> dict[str, dict[str, Measured]]:
    """Beside a plain search that is always right, at 300 FLOPs and 3 seconds."""
    return {
        PLAIN: {f"p{i}": of(1, 300, 3) for i in range(len(chosen))},
        CHOSEN: {f"p{i}": one for i, one in enumerate(chosen)},
    }


@pytest.mark.parametrize(
    ("chosen", "holds"),
    [
        ([of(1, 200, 2)] * 3, [True, True, True]),
        ([of(1, 214, 2)] * 3, [True, True, True]),
        ([of(1, 215, 2)] * 3, [False, True, True]),
        ([of(0, 200, 2)] * 3, [True, False, True]),
        ([of(0, 200, 2), of(1, 200, 2), of(1, 200, 2)], [True, True, True]),
        ([of(1, 200, 3)] * 3, [True, True, False]),
        ([of(1, 200, 4)] * 3, [True, True, False]),
    ],
)
def test_claims_by_hand(chosen: list[Measured], holds: list[bool]) -> None:
    told = claims(found(*chosen))
    assert [claim.holds for claim in told] == holds
    assert [any(word.isupper() and len(word) > 3 for word in claim.text.split()) for claim in told] == [
        not claim for claim in holds
    ]


def test_only_problems_that_both_have_answered_are_compared() -> None:
    results = found(of(1, 150, 1), of(1, 150, 1))
    del results[PLAIN]["p0"]
    assert paired(results, CHOSEN) == [(of(1, 300, 3), of(1, 150, 1))]
    assert claims({CHOSEN: results[CHOSEN]}) == []
    assert "| 2.00 (2.00-2.00) |" in table(results)
