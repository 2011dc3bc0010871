"""Fixtures for every test: the services of `tests/service/fixtures.py`, the reward models of the engine tests."""

import gc

from hypothesis import settings

pytest_plugins = [
    "tests.service.fixtures",
    "tests.service.equivalence.worker_fixtures",
    "tests.engine.scoring_fixtures",
    "tests.engine.service_fixtures",
]

# A busy machine is no finding: what takes too long is told by the test's own timeout.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection() -> None:
    """Thousands of tests and what they import live as long as the process: nothing to collect while they load."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    gc.unfreeze()
