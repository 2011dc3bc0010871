"""Whom to ask: the service at an address, or one of our own for as long as the question takes."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from nbest_client import Client

from service.cli.client.arguments import UsageError
from service.cli.client.local_server import Status, serving

KEY_ENV = "NBEST_API_KEY"
"""Where a key is looked for unless another variable is named."""


@contextlib.contextmanager
def remote(url: str, key_env: str, timeout_s: float) -> Iterator[Client]:
    """A client of the service at an address. Mistake for an address or a key that cannot be one."""
    try:
        client = Client(url, api_key=api_key(key_env), timeout_s=timeout_s)
    except ValueError as error:
        raise UsageError(str(error)) from None
    with client:
        yield client


def api_key(variable: str) -> str | None:
    """The key in a variable of the environment; None where the usual one is not set: a service may need no key."""
    key = os.environ.get(variable)
    if not key and variable != KEY_ENV:
        raise UsageError(f"the environment variable {variable} holds no key")
    return key or None


@contextlib.contextmanager
def own(arguments: Sequence[str], timeout_s: float, status: Status) -> Iterator[Client]:
    """A client of a service that is started with these arguments and stopped at the end."""
    handle, log = tempfile.mkstemp(prefix="nbest-", suffix=".log")
    os.close(handle)
    with (
        serving(arguments, Path(log), status) as local,
        Client(local.url, api_key=local.key, timeout_s=timeout_s) as client,
    ):
        yield client
