"""RPC's rules: the vector by hand, 200 random pools against a scipy script of other writing, and what always holds."""

import math
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.answers.path_probabilities import Mixture, answer_probabilities, fit, kept_paths

POOL = [0.82, 0.80, 0.78, 0.76, 0.30, 0.28, 0.27, 0.25]
ANSWERS = [7, 7, 9, 9, 5, 5, 5, 5]


def test_the_vector_of_eight_paths() -> None:
    mixture = fit(POOL)
    assert mixture is not None
    assert mixture.high.share == pytest.approx(0.5, abs=1e-3)
    assert (mixture.high.shape, mixture.high.scale) == pytest.approx((39.93, 0.8008), rel=2e-3)
    assert (mixture.low.shape, mixture.low.scale) == pytest.approx((17.11, 0.2835), rel=2e-3)
    kept = kept_paths(POOL, mixture)
    assert kept == [True] * 4 + [False] * 4
    texts = [str(i) for i in range(8)]
    worth = answer_probabilities(ANSWERS, texts, POOL, kept)
    assert worth == pytest.approx({7: 1.62, 9: 1.54, 5: 0.0})
    unpruned = answer_probabilities(ANSWERS, texts, POOL, [True] * 8)
    assert unpruned == pytest.approx({7: 1.62, 9: 1.54, 5: 1.10})


@pytest.mark.parametrize(
    "pool", [[0.5] * 9, [0.1, 0.2, 0.3], [1.0], [], [0.0, *POOL], [math.inf, *POOL], [math.nan, *POOL]]
)
def test_where_nothing_can_be_fitted_nothing_is_pruned(pool: list[float]) -> None:
    assert fit(pool) is None
    assert all(kept_paths(pool, None))


def other_fit(pool: list[float]) -> tuple[list[bool], float]:
    """The same rule by scipy's own way to write a Weibull's log-density, and the likelihood that it found."""
    import numpy
    from scipy.optimize import Bounds, minimize
    from scipy.special import xlogy

    x = numpy.array(pool)

    def logpdf(shape: float, scale: float) -> Any:
        y = x / scale
        return numpy.log(shape) + xlogy(shape - 1, y) - y**shape - numpy.log(scale)

    def loss(theta: Any) -> Any:
        rows = [numpy.log(theta[0]) + logpdf(*theta[1:3]), numpy.log1p(-theta[0]) + logpdf(*theta[3:])]
        return -numpy.logaddexp.reduce(rows).sum()

    limits = Bounds([0.2, 0.01, 0.01, 0.01, 0.01], [0.8, numpy.inf, numpy.inf, numpy.inf, numpy.inf])
    with numpy.errstate(all="ignore"):
        found = minimize(loss, [0.5, 1, 1, 1.5, 2], method="L-BFGS-B", bounds=limits)
    share, *shapes = found.x
    parts = [(share, *shapes[:2]), (1 - share, *shapes[2:])]
    low, high = sorted(parts, key=lambda part: part[2] * math.gamma(1 + 1 / part[1]))
    weighted = [numpy.log(part[0]) + logpdf(*part[1:]) for part in (high, low)]
    return [not gone for gone in (weighted[0] < weighted[1]) & (x < x.mean())], -float(found.fun)


def likelihood(pool: list[float], mixture: Mixture) -> float:
    return sum(math.log(mixture.high.density(p) + mixture.low.density(p)) for p in pool)


def random_pool(seed: int) -> tuple[list[float], list[int]]:
    rng = Random(seed)
    size = rng.randint(8, 32)
    pool = [min(0.999, max(0.01, rng.gauss(rng.choice([0.75, 0.35]), 0.08))) for _ in range(size)]
    return pool, [rng.randint(0, 4) for _ in range(size)]


def winner(answers: list[int], pool: list[float], kept: list[bool]) -> int:
    worth: dict[int, float] = {}
    for answer, p, counts in zip(answers, pool, kept, strict=True):
        worth[answer] = worth.get(answer, 0.0) + (p if counts else 0.0)
    return max(worth, key=lambda answer: (worth[answer], -answers.index(answer)))


def test_200_random_pools_are_pruned_as_by_a_script_of_other_writing() -> None:
    """The likelihood has several maxima: rounding may lead the two to different ones, and then ours is the higher."""
    others = 0
    for seed in range(200):
        pool, answers = random_pool(seed)
        mixture = fit(pool)
        assert mixture is not None
        kept = kept_paths(pool, mixture)
        expected, reached = other_fit(pool)
        if kept != expected:
            others += 1
            assert likelihood(pool, mixture) > reached + 0.01, seed
            continue
        worth = answer_probabilities(answers, list(map(str, range(len(pool)))), pool, kept)
        best = max(worth, key=lambda answer: (worth[answer], -answers.index(int(str(answer)))))
        assert best == winner(answers, pool, expected), seed
    assert others <= 2


@settings(deadline=None, max_examples=30)
@given(st.permutations(range(8)))
def test_the_order_of_the_paths_does_not_matter(order: list[int]) -> None:
    texts = [str(i) for i in range(8)]
    kept = [p > 0.5 for p in POOL]
    shuffled = answer_probabilities(
        [ANSWERS[i] for i in order],
        [texts[i] for i in order],
        [POOL[i] for i in order],
        [kept[i] for i in order],
    )
    assert shuffled == answer_probabilities(ANSWERS, texts, POOL, kept)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), min_size=1, max_size=12))
def test_a_text_drawn_again_changes_nothing_and_equal_paths_are_a_vote_of_distinct_texts(
    pairs: list[tuple[str, str]],
) -> None:
    groups, texts = [a for a, _ in pairs], [a + t for a, t in pairs]
    worth = answer_probabilities(groups, texts, [0.5] * len(pairs), [True] * len(pairs))
    assert worth == {
        a: 0.5 * len({t for b, t in zip(groups, texts, strict=True) if a == b}) for a in set(groups)
    }
    twice = answer_probabilities(groups * 2, texts * 2, [0.5] * len(pairs) * 2, [True] * len(pairs) * 2)
    assert twice == worth


def test_not_every_path_is_pruned() -> None:
    mixture = fit(POOL)
    assert kept_paths([0.25, 0.25], mixture) == [True, True]
