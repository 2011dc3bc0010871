"""Whose request this is: set once where the key is checked, and read wherever keys must not touch each other.

It is a context variable because a strategy must not have to hand it on: what it builds anew (a fusion's prompt, a
judge's question) is still the same caller's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """One key's owner, and what they may use; `cache_salt` parts their prefix cache from everybody else's."""

    name: str
    cache_salt: str | None = None
    tokens_per_minute: int | None = None
    max_concurrent_requests: int | None = None


ANYBODY = Caller("anybody")
"""Every caller of a service without keys."""

_caller: ContextVar[Caller] = ContextVar("caller", default=ANYBODY)


def current() -> Caller:
    """The caller of the request that this code runs for."""
    return _caller.get()


@contextmanager
def acting_for(caller: Caller) -> Iterator[None]:
    """What runs in the block, and every task that it starts, runs for this caller."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)
