"""Vendi scores by hand, and every diverse choice, step by step, against brute force over all that is left."""

import itertools
import math
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.selection.diversity import classes, diverse, rarity, vendi
from strategies.selection.similarity import Matrix, answer_similarity, ngram_similarity
from tests.random_cases import generators

TWO_ALIKE = [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize(("q", "value"), [(1.0, 1.8899), (2.0, 1.8), (math.inf, 1.5)])
def test_two_alike_and_one_other(q: float, value: float) -> None:
    assert vendi(TWO_ALIKE, q) == pytest.approx(value, abs=5e-5)


def test_half_alike() -> None:
    assert vendi([[1.0, 0.5], [0.5, 1.0]]) == pytest.approx(1.7548, abs=5e-5)


@pytest.mark.parametrize("q", [0.5, 1.0, 2.0, math.inf])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_it_counts_what_differs(n: int, q: float) -> None:
    assert vendi([[1.0] * n for _ in range(n)], q) == pytest.approx(1)
    assert vendi([[float(i == j) for j in range(n)] for i in range(n)], q) == pytest.approx(n)
    assert vendi([], q) == 0


@given(st.lists(st.text("ab ", max_size=12), min_size=1, max_size=6))
def test_a_similarity_is_symmetric_with_ones_on_its_diagonal_and_within_bounds(texts: list[str]) -> None:
    matrix = ngram_similarity(texts)
    assert all(matrix[i][i] == 1 for i in range(len(texts)))
    assert all(row == list(column) for row, column in zip(matrix, zip(*matrix, strict=True), strict=True))
    assert all(0 <= value <= 1 for row in matrix for value in row)
    assert 1 - 1e-9 <= vendi(matrix) <= len(texts) + 1e-9


def test_ngrams_by_hand() -> None:
    # "a b" has a, b, ab; "a c" has a, c, ac: one of three in common.
    assert ngram_similarity(["a b", "a c", "", " "])[0][1] == pytest.approx(1 / 3)
    assert ngram_similarity(["a b", "a c", "", " "])[2] == [0, 0, 1, 1]
    assert ngram_similarity(["a a"], 1) == [[1.0]]


def test_answers_are_alike_in_one_group_only() -> None:
    assert answer_similarity([0, 0, None, None]) == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_classes_merge_in_chains() -> None:
    chain = [[1.0, 0.6, 0.0, 0.0], [0.6, 1.0, 0.6, 0.0], [0.0, 0.6, 1.0, 0.5], [0.0, 0.0, 0.5, 1.0]]
    assert classes(chain) == [0, 0, 0, 3]
    assert rarity(chain) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1.0])
    assert rarity([[1.0]]) == [1.0]
    assert rarity([[1.0, 1.0], [1.0, 1.0]]) == [0.1, 0.1]


def pool(rng: Random) -> tuple[list[float], Matrix]:
    n = rng.randint(1, 8)
    vectors = [[rng.gauss(0, 1) for _ in range(3)] for _ in range(n)]
    if n > 2:
        vectors[1] = vectors[0]
    norms = [math.sqrt(sum(x * x for x in vector)) for vector in vectors]
    unit = [[x / norm for x in vector] for vector, norm in zip(vectors, norms, strict=True)]
    gram = [[sum(a * b for a, b in zip(u, v, strict=True)) for v in unit] for u in unit]
    matrix = [[1.0 if i == j else abs(gram[i][j]) ** 2 for j in range(n)] for i in range(n)]
    return [round(rng.gauss(0, 1), 2) for _ in range(n)], matrix


def standard(values: Sequence[float]) -> list[float]:
    array = numpy.array(values)
    spread = array.std()
    return [float(v) for v in (array - array.mean()) / spread] if spread > 0 else [0.0] * len(values)


def slow(rule: str, quality: list[float], matrix: Matrix, k: int, weight: float) -> list[int]:
    """Each step tries every candidate that is left, on the objective as it is written down."""
    z, chosen = standard(quality), list[int]()
    kernel = numpy.array(matrix)
    w = numpy.exp(numpy.array(z) / 2)
    determinant = w[:, None] * kernel * w[None, :]

    def worth(i: int) -> Any:
        taken = [*chosen, i]
        if rule == "mmr":
            return round(z[i] - weight * max((matrix[i][j] for j in chosen), default=0.0), 9)
        if rule == "dpp":
            return round(float(numpy.linalg.det(determinant[numpy.ix_(taken, taken)])), 9), quality[i]
        score = [
            numpy.linalg.eigvalsh(kernel[numpy.ix_(rows, rows)] / len(rows))
            for rows in (taken, chosen)
            if rows
        ]
        entropy = [math.exp(-sum(x * math.log(x) for x in values if x > 1e-12)) for values in score]
        return round(z[i] + weight * math.log(entropy[0] / (entropy[1] if chosen else entropy[0])), 9)

    while len(chosen) < k:
        chosen.append(max((i for i in range(len(quality)) if i not in chosen), key=lambda i: (worth(i), -i)))
    return chosen


@pytest.mark.parametrize("rule", ["vendi", "mmr", "dpp"])
def test_each_step_is_the_best_of_all_that_are_left(rule: Any) -> None:
    for rng in generators(300):
        quality, matrix = pool(rng)
        k = rng.randint(1, len(quality))
        if rule == "dpp":
            k = min(k, 3)  # beyond the rank of the kernel every determinant is 0
        weight = rng.choice([0.0, 0.5, 2.0])
        assert diverse(rule, quality, matrix, k, weight=weight) == slow(rule, quality, matrix, k, weight)


def test_without_weight_it_is_the_top_k() -> None:
    for rng in generators(100):
        quality, matrix = pool(rng)
        best = sorted(range(len(quality)), key=lambda i: (-standard(quality)[i], i))
        rules: list[Any] = ["vendi", "mmr"]
        for rule in rules:
            assert diverse(rule, quality, matrix, len(quality), weight=0.0) == best


def test_one_is_the_best_one_whatever_the_rule() -> None:
    for rng in generators(100):
        quality, matrix = pool(rng)
        best = max(range(len(quality)), key=lambda i: (quality[i], -i))
        rules: list[Any] = ["vendi", "mmr", "dpp", "partition"]
        for rule in rules:
            assert diverse(rule, quality, matrix, 1) == [best]


def test_a_partition_takes_the_best_of_each_class_first() -> None:
    assert diverse("partition", [3.0, 2.0, 1.0], TWO_ALIKE, 2) == [0, 2]
    assert diverse("partition", [3.0, 2.0, 1.0], TWO_ALIKE, 3) == [0, 2, 1]


def test_the_best_committee_by_vendi_is_found_where_greedy_is_exact() -> None:
    """Without quality and with items that are alike or not at all, greedy reaches the best of all subsets."""
    for rng in generators(60):
        groups = [rng.randint(0, 3) for _ in range(rng.randint(2, 8))]
        matrix = answer_similarity(groups)
        k = rng.randint(1, len(set(groups)))
        chosen = diverse("vendi", [0.0] * len(groups), matrix, k, weight=1.0)
        subsets = itertools.combinations(range(len(groups)), k)
        best = max(vendi([[matrix[i][j] for j in rows] for i in rows]) for rows in subsets)
        assert vendi([[matrix[i][j] for j in chosen] for i in chosen]) == pytest.approx(best)
