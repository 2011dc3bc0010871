"""Who may start now: every bound is checked before anything is allocated, and a request waits whole or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.metering.meter import PhaseClock
from service.metrics import Metrics
from service.settings import Limits
from strategies.base.errors import DeadlineExceeded, InvalidRequest, Overloaded
from strategies.base.strategy import Strategy
from strategies.base.types import Decoding


def check_size(strategy: Strategy, decoding: Decoding, k: int, limits: Limits) -> None:
    """Refuse what can never be admitted. Costs are in candidates and tokens; nothing is allocated here."""
    draws = strategy.draws(k)
    counts = [name for name in ("n", "beams") if name in type(strategy).model_fields]
    where = f"strategy.{counts[0]}" if counts and draws > k else "n"
    if draws > limits.max_n:
        raise InvalidRequest(
            f"{draws} candidates were asked for; the most here is {limits.max_n}", param=where
        )
    if draws < k:
        raise InvalidRequest(f"n is {k}, but the strategy draws only {draws} candidates", param="n")
    if draws > 1 and decoding.temperature == 0:
        message = f"temperature 0 gives the same answer every time; {draws} draws need a temperature above 0"
        raise InvalidRequest(message, param="temperature")
    tokens = decoding.max_tokens if decoding.max_tokens is not None else limits.default_max_tokens
    _check_tokens(draws, tokens, strategy.further_tokens(tokens), limits)


def _check_tokens(draws: int, tokens: int, further: int, limits: Limits) -> None:
    if tokens > limits.max_tokens:
        raise InvalidRequest(
            f"max_tokens is {tokens}; the most here is {limits.max_tokens}", param="max_tokens"
        )
    if draws * tokens + further > limits.max_request_tokens:
        beside = f" and {further} tokens beside" if further else ""
        most = f"{limits.max_request_tokens} tokens a request"
        message = f"{draws} candidates of {tokens} tokens{beside} exceed {most}"
        raise InvalidRequest(message, param="max_tokens")


class Admission:
    """Lets `max_concurrent_requests` in; the next `max_queued_requests` wait in order; the rest are turned away."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._places = asyncio.Semaphore(limits.max_concurrent_requests)
        self._most_waiting = limits.max_queued_requests
        self._waiting = 0
        self._metrics = metrics

    @asynccontextmanager
    async def place(self, clock: PhaseClock, patience_s: float | None = None) -> AsyncIterator[None]:
        """Hold a place for the length of the block, after waiting for it at most `patience_s`.

        Overloaded where even the queue is full, DeadlineExceeded where the wait was too long.
        """
        if self._places.locked() and self._waiting >= self._most_waiting:
            self._metrics.refused.labels("queue_full").inc()
            raise Overloaded("the server is full; try again in a moment", retry_after_s=5)
        with clock.phase("queue"):
            await self._wait(patience_s)
        self._metrics.inflight.inc()
        try:
            yield
        finally:
            self._metrics.inflight.dec()
            self._places.release()

    async def _wait(self, patience_s: float | None) -> None:
        self._waiting += 1
        self._metrics.queued.set(self._waiting)
        try:
            async with asyncio.timeout(patience_s):
                await self._places.acquire()
        except TimeoutError:
            raise DeadlineExceeded("the deadline passed while the request waited for a place") from None
        finally:
            self._waiting -= 1
            self._metrics.queued.set(self._waiting)
