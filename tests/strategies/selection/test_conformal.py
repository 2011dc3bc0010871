"""Certified choice: the vector by hand, and the false discovery rate in a thousand simulations."""

import math
from random import Random

import pytest

from strategies.selection.conformal import (
    MAX_CANDIDATES,
    Calibration,
    benjamini_hochberg,
    certified,
    certified_by_best,
    p_value,
)

TABLE = Calibration((0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2), (True, True, False, True, False, False, False))


def test_the_vector() -> None:
    assert [p_value(score, TABLE) for score in (0.95, 0.75, 0.5)] == [0.125, 0.125, 0.25]
    assert certified([0.95, 0.75, 0.5], TABLE, 0.15) == []
    assert certified([0.95, 0.75, 0.5], TABLE, 0.25) == [0, 1, 2]


@pytest.mark.parametrize(
    ("p_values", "alpha", "kept"),
    [
        ([], 0.1, []),
        ([0.1], 0.1, [0]),
        ([0.11], 0.1, []),
        ([0.04, 0.9, 0.05], 0.1, [0, 2]),
        ([0.5, 0.1, 0.1, 0.05], 0.1, []),
        ([0.025, 0.05, 0.075, 0.1], 0.1, [0, 1, 2, 3]),
    ],
)
def test_the_step_up_rule_by_hand(p_values: list[float], alpha: float, kept: list[int]) -> None:
    assert benjamini_hochberg(p_values, alpha) == kept


def drawn(rng: Random, size: int, scorers: int) -> tuple[list[list[float]], list[bool]]:
    """Items that are good or not, and scorers that know it more or less well."""
    good = [rng.random() < 0.5 for _ in range(size)]
    noise = [0.5 + 0.5 * s for s in range(scorers)]
    return [[rng.gauss(1.5 * is_good, n) for is_good in good] for n in noise], good


def false_discovery_rates(scorers: int, runs: int, alpha: float) -> tuple[list[float], list[float]]:
    plain: list[float] = []
    best: list[float] = []
    for seed in range(runs):
        rng = Random(seed)
        tables, good = drawn(rng, 60, scorers)
        tests, truth = drawn(rng, 12, scorers)
        calibrations = [Calibration(tuple(table), tuple(good)) for table in tables]
        for rates, kept in (
            (plain, certified(tests[0], calibrations[0], alpha)),
            (best, certified_by_best(tests, calibrations, alpha)),
        ):
            rates.append(sum(not truth[i] for i in kept) / max(len(kept), 1))
    return plain, best


def test_the_false_discovery_rate_is_kept_in_a_thousand_simulations() -> None:
    alpha = 0.2
    for rates in false_discovery_rates(scorers=5, runs=1000, alpha=alpha):
        mean = math.fsum(rates) / len(rates)
        error = math.sqrt(math.fsum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1) / len(rates))
        assert mean <= alpha + 2 * error


def test_with_one_scorer_the_optimised_choice_is_a_part_of_the_plain_one() -> None:
    kept = 0
    for seed in range(200):
        rng = Random(seed)
        tables, good = drawn(rng, 40, 1)
        tests, _ = drawn(rng, 10, 1)
        calibration = Calibration(tuple(tables[0]), tuple(good))
        plain, best = certified(tests[0], calibration, 0.3), certified_by_best(tests, [calibration], 0.3)
        assert set(best) <= set(plain)
        kept += len(best)
    assert kept > 0


def test_only_the_order_of_scores_counts() -> None:
    rng = Random(3)
    tables, good = drawn(rng, 40, 1)
    tests, _ = drawn(rng, 10, 1)
    plain = certified(tests[0], Calibration(tuple(tables[0]), tuple(good)), 0.3)
    stretched = Calibration(tuple(math.exp(s) for s in tables[0]), tuple(good))
    assert certified([math.exp(s) for s in tests[0]], stretched, 0.3) == plain


def test_bad_tables_and_too_many_candidates_are_refused() -> None:
    with pytest.raises(ValueError, match="a label for each score"):
        Calibration((1.0,), ())
    with pytest.raises(ValueError, match="256"):
        certified_by_best([[0.0] * (MAX_CANDIDATES + 1)], [TABLE], 0.1)


def slow_by_best(tables: list[list[float]], calibrations: list[Calibration], alpha: float) -> list[int]:
    """OptCS as it is written down, with V = 1000 good - s and V^ = -s."""
    m, n = len(tables[0]), len(calibrations[0].scores)

    def kept(values: list[float]) -> int:
        order = sorted(values)
        return max((k for k in range(1, m + 1) if order[k - 1] <= alpha * k / m + 1e-12), default=0)

    inverse = []
    for j in range(m):
        sizes, own = [], []
        for table, calibration in zip(tables, calibrations, strict=True):
            v = [1000 * good - s for s, good in zip(calibration.scores, calibration.good, strict=True)]
            hat = [-s for s in table]
            auxiliary = [
                0.0 if i == j else (sum(x <= hat[i] for x in v) + (hat[j] <= hat[i])) / (n + 1)
                for i in range(m)
            ]
            sizes.append(kept(auxiliary))
            own.append((1 + sum(x <= hat[j] for x in v)) / (n + 1))
        best = sizes.index(max(sizes))
        bound = alpha * sizes[best] / m
        inverse.append(bound if own[best] <= bound + 1e-12 else 2.0)
    count = kept(inverse)
    return sorted(sorted(range(m), key=lambda i: (inverse[i], i))[:count])


def test_the_optimised_choice_is_the_paper_s_also_where_scores_are_equal() -> None:
    for seed in range(300):
        rng = Random(seed)
        size, scorers = rng.randint(8, 30), rng.randint(1, 3)
        good = [rng.random() < 0.6 for _ in range(size)]
        calibrations = [
            Calibration(tuple(float(rng.randint(0, 3) + 2 * g) for g in good), tuple(good))
            for _ in range(scorers)
        ]
        tables = [[float(rng.randint(0, 5)) for _ in range(6)] for _ in range(scorers)]
        assert certified_by_best(tables, calibrations, 0.5) == slow_by_best(tables, calibrations, 0.5), seed
