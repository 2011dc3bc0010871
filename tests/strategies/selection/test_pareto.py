"""Pareto fronts and hypervolumes: vectors by hand, and brute force on a grid."""

import itertools
from random import Random

import pytest

from strategies.selection.pareto import dominates, front, hypervolume, pareto_order
from tests.random_cases import generators

POINTS = [(0.9, 0.2), (0.7, 0.5), (0.5, 0.9), (0.6, 0.4)]


def test_the_vector() -> None:
    assert front(POINTS) == [0, 1, 2]
    assert hypervolume(POINTS, (0.0, 0.0)) == pytest.approx(0.59)
    assert pareto_order(POINTS, [1.1, 1.2, 1.4, 1.0], 2) == [2, 1]


def test_of_equal_points_the_first_stands_for_all() -> None:
    assert front([(1, 1), (1, 1), (0, 2)]) == [0, 2]
    assert not dominates((1, 1), (1, 1))
    assert dominates((1, 2), (1, 1))


def test_one_objective_is_its_best() -> None:
    assert front([(1.0,), (3.0,), (2.0,)]) == [1]
    assert hypervolume([(1.0,), (3.0,)], (0.5,)) == 2.5


def grid(rng: Random) -> list[tuple[int, ...]]:
    size = rng.randint(1, 3)
    return [tuple(rng.randint(0, 4) for _ in range(size)) for _ in range(rng.randint(1, 6))]


def test_the_volume_is_the_number_of_unit_cells_below_a_point() -> None:
    for rng in generators(200):
        points = grid(rng)
        cells = itertools.product(range(4), repeat=len(points[0]))
        covered = sum(
            any(all(c < a for c, a in zip(cell, point, strict=True)) for point in points) for cell in cells
        )
        assert hypervolume(points, (0,) * len(points[0])) == covered


def test_the_front_is_what_no_other_dominates() -> None:
    for rng in generators(200):
        points = grid(rng)
        found = {points[i] for i in front(points)}
        assert found == {p for p in points if not any(dominates(other, p) for other in points)}
        assert len(found) == len(front(points))
