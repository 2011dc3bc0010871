"""Likelihood rules against the definitions over whole distributions, and the bound where only a part is known."""

import math
from random import Random

import pytest

from strategies.scores.likelihood import confidence, mean_logprob, self_certainty
from tests.random_cases import number, random_cases, several

NAN, INF = math.nan, math.inf


def _weights(rng: Random, least: int, most: int) -> list[float]:
    return several(rng, lambda r: r.choice([number(r, 0.01, 100), 10 ** r.uniform(-2, 2)]), least, most)


def distribution(weights: list[float]) -> list[float]:
    return sorted((weight / math.fsum(weights) for weight in weights), reverse=True)


def divergence(probabilities: list[float]) -> float:
    """KL(uniform || p), by its definition."""
    uniform = 1 / len(probabilities)
    return math.fsum(uniform * math.log(uniform / p) for p in probabilities)


def test_worked_examples() -> None:
    assert mean_logprob([-1.0, -2.0, -6.0]) == -3.0
    assert confidence([[-1.0, -3.0], [-2.0, -4.0]]) == 2.5
    # p = (3/4, 1/4) of two tokens: -(ln 1.5 + ln 0.5) / 2
    assert math.isclose(
        self_certainty([[math.log(0.75), math.log(0.25)]], 2) or 0, -(math.log(1.5) + math.log(0.5)) / 2
    )
    assert math.isclose(self_certainty([[math.log(0.25)] * 4], 4) or 0, 0.0, abs_tol=1e-12)


@pytest.mark.parametrize("hole", [NAN, INF, -INF])
def test_without_tokens_or_with_a_hole_there_is_no_score(hole: float) -> None:
    assert mean_logprob([]) is None
    assert confidence([]) is None
    assert confidence([[]]) is None
    assert self_certainty([[-1.0]], 0) is None
    assert mean_logprob([-1.0, hole]) is None
    assert confidence([[-1.0, hole]]) is None
    assert self_certainty([[hole, -1.0]], 2) is None


@random_cases(lambda rng: (several(rng, lambda r: _weights(r, 5, 5), 1, 6),))
def test_with_the_whole_distribution_self_certainty_is_exact(places: list[list[float]]) -> None:
    rows = [distribution(weights) for weights in places]
    found = self_certainty([[math.log(p) for p in row] for row in rows], 5)
    assert found is not None
    assert math.isclose(found, sum(map(divergence, rows)) / len(rows), rel_tol=1e-9, abs_tol=1e-9)


def _partly_known(rng: Random) -> tuple[list[float], int]:
    weights = _weights(rng, 2, 12)
    return weights, rng.randint(1, len(weights))


@random_cases(_partly_known)
def test_with_a_part_of_it_self_certainty_is_a_lower_bound(weights: list[float], known: int) -> None:
    row = distribution(weights)
    found = self_certainty([[math.log(p) for p in row[:known]]], len(row))
    assert found is not None
    assert found <= divergence(row) + 1e-6
    even = [*row[:known], *[sum(row[known:]) / max(len(row) - known, 1)] * (len(row) - known)]
    assert math.isclose(found, divergence(even), rel_tol=1e-6, abs_tol=1e-6)


def test_a_rest_that_rounding_has_eaten_is_bounded() -> None:
    found = self_certainty([[0.0]], 3)
    assert found is not None
    assert math.isclose(found, -(2 * math.log(2**-24 / 2)) / 3 - math.log(3))


@random_cases(lambda rng: (several(rng, lambda r: number(r, -50, 0), 1, 30),))
def test_mean_logprob_lies_between_the_least_and_the_most(logprobs: list[float]) -> None:
    found = mean_logprob(logprobs)
    assert found is not None
    assert min(logprobs) - 1e-9 <= found <= max(logprobs) + 1e-9
    assert math.isclose(found, sum(logprobs) / len(logprobs), rel_tol=1e-9, abs_tol=1e-9)
