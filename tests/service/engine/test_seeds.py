"""A request's seed gives every candidate its own, the same one for ever."""

from service.engine.seeds import candidate_seed


def test_no_seed_stays_no_seed() -> None:
    assert candidate_seed(None, 3) is None


def test_seeds_do_not_change_between_versions() -> None:
    assert [candidate_seed(7, index) for index in range(2)] == [2849913085706365719, 8035190849741020721]


def test_every_candidate_and_every_continuation_differs() -> None:
    seeds = {candidate_seed(s, i, w) for s in range(8) for i in range(64) for w in (0, 1, 32)}
    assert len(seeds) == 8 * 64 * 3
    assert all(seed is not None and 0 <= seed < 2**63 for seed in seeds)
