"""Fixtures for every test: the services of `tests/service/conftest.py`."""

pytest_plugins = ["tests.service.fixtures"]
