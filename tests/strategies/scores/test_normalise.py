"""z-scores equal exact fractions up to rounding; a missing score stays missing and touches no other."""

import math
from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from random import Random

import pytest

from strategies.scores.normalise import normalised
from strategies.scores.quantiles import quantiles
from tests.random_cases import any_float, number, random_cases, several

NAN, INF = math.nan, math.inf


def _scores(rng: Random) -> list[float | None]:
    """Of one magnitude or of any."""

    def one(r: Random) -> float | None:
        return r.choice([None, NAN, INF, *[r.choice([number(r, -1e3, 1e3), any_float(r)])] * 6])

    def tame(r: Random) -> float | None:
        return r.choice([None, NAN, INF, *[number(r, -1e3, 1e3)] * 6])

    return several(rng, rng.choice([one, tame]), 0, 10)


def reference(scores: Sequence[float | None]) -> list[float | None]:
    """(x - mean) / sd with mean and variance as fractions, the root in 60 digits."""
    present = [Fraction(s) for s in scores if s is not None and math.isfinite(s)]
    mean = sum(present, Fraction(0)) / max(len(present), 1)
    variance = sum(((p - mean) ** 2 for p in present), Fraction(0)) / max(len(present), 1)

    def one(score: float | None) -> float | None:
        if score is None or not math.isfinite(score):
            return None
        if variance == 0:
            return 0.0
        with localcontext() as context:
            context.prec = 60
            root = (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt()
            gap = Fraction(score) - mean
            return float(Decimal(gap.numerator) / Decimal(gap.denominator) / root)

    return [one(score) for score in scores]


def test_z_scores_by_hand() -> None:
    # mean 5, deviations -3 -1 -1 -1 0 0 2 4, variance 4: the textbook's example
    found = normalised([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], "zscore")
    assert found == [-1.5, -0.5, -0.5, -0.5, 0.0, 0.0, 1.0, 2.0]
    assert normalised([0.1, 0.1, 0.1], "zscore") == [0.0, 0.0, 0.0]
    assert normalised([3.0], "zscore") == [0.0]
    assert normalised([1.0, None, 3.0, NAN, -INF], "zscore") == [-1.0, None, 1.0, None, None]
    assert normalised([-1.5e308, 1.5e308], "zscore") == [-1.0, 1.0]
    assert normalised([], "zscore") == []


def test_none_leaves_finite_scores_alone_and_quantile_is_the_quantile() -> None:
    assert normalised([1.5, NAN, None, INF, -2.0], "none") == [1.5, None, None, None, -2.0]
    assert normalised([1.0, 2.0, NAN], "quantile") == quantiles([1.0, 2.0, None])


@random_cases(lambda rng: (_scores(rng),), count=2500)
def test_z_scores_equal_the_fractions(scores: list[float | None]) -> None:
    for found, wanted in zip(normalised(scores, "zscore"), reference(scores), strict=True):
        assert (found is None) == (wanted is None)
        if found is not None and wanted is not None:
            assert math.isclose(found, wanted, rel_tol=1e-6, abs_tol=1e-6)


@random_cases(lambda rng: (_scores(rng), rng.choice(["none", "zscore", "quantile"])))
def test_a_missing_score_touches_no_other(scores: list[float | None], how: str) -> None:
    present = [s for s in scores if s is not None and math.isfinite(s)]
    found = normalised(scores, how)  # type: ignore[arg-type]
    assert [f for f in found if f is not None] == normalised(present, how)  # type: ignore[arg-type]


@pytest.mark.parametrize("shift", [0.0, 100.0])
@pytest.mark.parametrize("scale", [0.5, 8.0])
def test_z_scores_forget_offset_and_scale(shift: float, scale: float) -> None:
    scores = [1.0, 2.0, 4.0, 8.0]
    moved: list[float | None] = [shift + scale * score for score in scores]
    for one, other in zip(normalised(scores, "zscore"), normalised(moved, "zscore"), strict=True):
        assert one is not None
        assert other is not None
        assert math.isclose(one, other, rel_tol=1e-9)
