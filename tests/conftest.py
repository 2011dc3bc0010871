"""Fixtures for every test: the services of `tests/service/fixtures.py`, the reward models of the engine tests."""

import gc

pytest_plugins = [
    "tests.service.fixtures",
    "tests.service.equivalence.worker_fixtures",
    "tests.engine.scoring_fixtures",
    "tests.engine.service_fixtures",
]


def pytest_collection() -> None:
    """Thousands of tests and what they import live as long as the process: nothing to collect while they load."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    gc.unfreeze()
