"""Ensembles equal exact fractions; no candidate with a NaN among its scores is ever selected."""

import math
from collections.abc import Sequence
from fractions import Fraction
from random import Random

import pytest

from strategies.base.ranking import rank
from strategies.base.types import Candidate
from strategies.scores.ensemble import Missing, Rule, combined, ensemble
from strategies.scores.normalise import Normalisation
from strategies.scores.quantiles import calibrated
from tests.random_cases import any_float, number, random_cases, several

NAN, INF = math.nan, math.inf
RULES: tuple[Rule, ...] = ("mean", "median", "wco", "uwo", "weighted")


def reference(
    members: Sequence[float | None], rule: Rule, lam: float, weights: Sequence[float], missing: Missing
) -> Fraction | None:
    """The definitions in exact fractions, written out."""
    kept = [
        (Fraction(m), Fraction(w))
        for m, w in zip(members, weights, strict=True)
        if m is not None and m == m and abs(m) != INF
    ]
    if not kept or (missing == "propagate" and len(kept) != len(members)):
        return None
    values = sorted(value for value, _ in kept)
    mean = sum(values, Fraction(0)) / len(values)
    variance = sum(((value - mean) ** 2 for value in values), Fraction(0)) / len(values)
    half = len(values) // 2
    middle = values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2
    return {
        "mean": mean, "median": middle, "wco": values[0], "uwo": mean - Fraction(lam) * variance,
        "weighted": sum((value * weight for value, weight in kept), Fraction(0)),
    }[rule]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "value"), [("mean", 3.0), ("median", 2.0), ("wco", 1.0), ("uwo", -0.5), ("weighted", 7.0)]
)
def test_worked_examples(rule: Rule, value: float) -> None:
    # 1, 2, 6: mean 3; variance (4 + 1 + 9) / 3 = 14/3, and 3 - 0.75 * 14/3 = -0.5
    assert combined([1.0, 2.0, 6.0], rule, variance_weight=0.75, weights=[3.0, -1.0, 1.0]) == value


@pytest.mark.parametrize("rule", RULES)
def test_a_missing_member_is_never_made_up_for(rule: Rule) -> None:
    for hole in (None, NAN, INF, -INF):
        assert combined([1.0, hole], rule) is None
        assert combined([1.0, hole], rule, missing="omit") == combined([1.0], rule)
        assert combined([hole], rule, missing="omit") is None
    assert combined([], rule) is None


def test_what_leaves_the_floats_is_no_score() -> None:
    assert combined([1e308, -1e308], "uwo", variance_weight=1.0) is None
    assert combined([1e308, 1e308], "weighted", weights=[10.0, 10.0]) is None
    assert combined([1e308, 1e308], "mean") == 1e308


def test_equal_members_have_no_variance() -> None:
    assert combined([0.1, 0.1, 0.1], "uwo", variance_weight=1e6) == 0.1


def _member(rng: Random) -> float | None:
    value = number(rng, -1e3, 1e3)
    return rng.choice([rng.choice([None, NAN, INF, -INF]), value, value, value])


def _ensemble(rng: Random) -> tuple[list[float | None], Rule, float, Missing, list[float]]:
    members = several(rng, _member, 1, 6)
    weights = several(rng, lambda r: number(r, -10, 10), len(members), len(members))
    return members, rng.choice(RULES), number(rng, 0, 5), rng.choice(["propagate", "omit"]), weights


@random_cases(_ensemble, count=3000)
def test_equals_the_fractions(
    members: list[float | None], rule: Rule, lam: float, missing: Missing, weights: list[float]
) -> None:
    found = combined(members, rule, variance_weight=lam, weights=weights, missing=missing)
    wanted = reference(members, rule, lam, weights, missing)
    assert (found is None) == (wanted is None)
    if found is not None and wanted is not None:
        assert math.isclose(found, float(wanted), rel_tol=1e-9, abs_tol=1e-6)


def _pool(rng: Random) -> tuple[list[list[float | None]], Rule, Normalisation]:
    """Two to eight candidates with up to four members each; about half the candidates have all their numbers."""
    members = rng.randint(1, 4)

    def row(r: Random) -> list[float | None]:
        if r.random() < 0.5:
            return [number(r, -1e3, 1e3) for _ in range(members)]
        return [r.choice([None, any_float(r), any_float(r)]) for _ in range(members)]

    return several(rng, row, 2, 8), rng.choice(["wco", "uwo"]), rng.choice(["none", "zscore", "quantile"])


@random_cases(_pool, count=2500)
def test_wco_and_uwo_never_select_a_nan(
    rows: list[list[float | None]], rule: Rule, how: Normalisation
) -> None:
    """Whatever else there is: a candidate with a member that has no number loses to any that has all of them."""
    columns = list(zip(*rows, strict=True))
    values = ensemble(columns, rule, normalisation=how)
    winner = rank([Candidate(i, "a", 1, "stop") for i in range(len(rows))], values).order[0]
    sound = [all(s is not None and math.isfinite(s) for s in row) for row in rows]
    assert not any(value is not None and not math.isfinite(value) for value in values)
    assert all(value is None for value, is_sound in zip(values, sound, strict=True) if not is_sound)
    if any(value is not None for value in values):
        assert sound[winner]


def test_members_of_another_scale_do_not_drown_the_others() -> None:
    """Two against one for the second candidate; unnormalised the loud member decides, normalised the majority does."""
    loud, quiet = [1000.0, 0.0, 500.0], [0.1, 0.9, 0.5]
    assert _best(ensemble([loud, quiet, quiet], "mean")) == 0
    ways: tuple[Normalisation, ...] = ("zscore", "quantile")
    for how in ways:
        assert _best(ensemble([loud, quiet, quiet], "mean", normalisation=how)) == 1


def test_infalign_by_hand() -> None:
    """Two candidates, one member: quantiles 0.25 and 0.75, and exp(10 u) of them."""
    found = ensemble([[1.0, 2.0]], "mean", normalisation="quantile", transform="best_of_n")
    assert found == [math.exp(2.5), math.exp(7.5)]
    assert [calibrated(value, [1.0, 2.0]) for value in (1.0, 2.0)] == [0.25, 0.75]


def test_a_transformation_needs_quantiles() -> None:
    with pytest.raises(ValueError, match="quantile"):
        ensemble([[1.0]], "mean", normalisation="zscore", transform="best_of_n")


def _best(values: list[float | None]) -> int:
    return max(range(len(values)), key=lambda i: values[i] or -INF)
