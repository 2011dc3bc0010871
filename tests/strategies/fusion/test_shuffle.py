"""The order of reading: a permutation that the seed alone decides."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from strategies.fusion.shuffle import shuffled

SEEDS = st.integers(-(2**63), 2**63 - 1)


def test_the_order_of_a_seed_is_the_same_on_every_machine() -> None:
    assert [shuffled(range(5), seed) for seed in (0, 1, -1)] == [
        (0, 2, 4, 1, 3),
        (1, 4, 2, 0, 3),
        (4, 3, 0, 2, 1),
    ]


@given(st.permutations(range(8)), SEEDS)
def test_it_is_a_permutation_that_ignores_the_order_given(indices: list[int], seed: int) -> None:
    order = shuffled(indices, seed)
    assert sorted(order) == list(range(8))
    assert order == shuffled(range(8), seed)


@given(st.sets(st.integers(0, 20)), st.integers(0, 20), SEEDS)
def test_leaving_one_out_does_not_move_the_others(indices: set[int], gone: int, seed: int) -> None:
    assert shuffled(indices - {gone}, seed) == tuple(i for i in shuffled(indices, seed) if i != gone)


def test_every_candidate_comes_first_about_equally_often() -> None:
    first = Counter(shuffled(range(4), seed)[0] for seed in range(4000))
    assert all(850 < first[i] < 1150 for i in range(4))
