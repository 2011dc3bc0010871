"""Fixtures for every test: the services of `tests/service/fixtures.py`, the reward models of the engine tests."""

pytest_plugins = ["tests.service.fixtures", "tests.service.answers.worker_fixtures", "tests.engine.scoring_fixtures"]
