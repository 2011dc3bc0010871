"""Admission control: a request waits for capacity as a whole, all its candidates together, in a fair queue of keys."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from service.admission.cost import Cost
from service.admission.fair_queue import FairQueue
from service.admission.quota import Account
from service.admission.settings import Limits
from service.keys.caller import Caller, current
from service.metering.meter import Meter
from service.observability.metrics import Metrics
from strategies.base.errors import DeadlineExceeded, InvalidRequest, Overloaded, QuotaExceeded

LONGEST_WAIT_S = 60.0
"""The most that a `retry-after` asks for."""


@dataclass(slots=True, eq=False)
class _Ticket:
    """One request that waits or runs."""

    key: str
    cost: Cost
    admitted: asyncio.Event = field(default_factory=asyncio.Event)
    since: float = 0.0


@dataclass(slots=True)
class _Capacity:
    """What is free: requests, tokens and candidates."""

    requests: int
    tokens: int
    candidates: int

    def fits(self, cost: Cost) -> bool:
        return self.requests > 0 and cost.tokens <= self.tokens and cost.candidates <= self.candidates

    def change(self, cost: Cost, sign: int) -> None:
        self.requests += sign
        self.tokens += sign * cost.tokens
        self.candidates += sign * cost.candidates


class AdmissionController:
    """Admits what there is capacity for; the rest waits in its key's queue, and a full queue refuses it.

    No request overtakes the first of the queue, however large: capacity is kept free until it fits.
    """

    def __init__(
        self, limits: Limits, metrics: Metrics, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits
        self._metrics = metrics
        self._now = now
        self._room = _Capacity(
            limits.max_concurrent_requests, limits.max_inflight_tokens, limits.max_inflight_candidates
        )
        self._queue: FairQueue[_Ticket] = FairQueue()
        self._accounts: dict[Caller, Account] = {}
        self._mean_stay_s = 1.0

    @property
    def candidates_in_flight(self) -> int:
        """Candidates that admitted requests may be drawing now."""
        return self._limits.max_inflight_candidates - self._room.candidates

    @asynccontextmanager
    async def place(self, meter: Meter, cost: Cost, patience_s: float | None = None) -> AsyncIterator[None]:
        """Hold a place for the length of the block, after waiting for it at most `patience_s`.

        InvalidRequest for what can never be admitted; QuotaExceeded where the key has used up what it may; Overloaded
        where its line is full; DeadlineExceeded where the wait was too long. Of what the quota was charged, that which
        `meter` does not count as used comes back when the block ends well, and all of it if the block was not entered.
        """
        caller = current()
        self._refuse_what_never_fits(cost, caller)
        account = self._open_account(caller, cost)
        used = 0
        try:
            with meter.clock.phase("queue"):
                ticket = await self._admitted(caller.name, cost, patience_s)
            used = cost.tokens
            try:
                yield
                used = min(_used(meter), cost.tokens)
            finally:
                self._leave(ticket)
        finally:
            account.close(cost.tokens - used)

    def _refuse_what_never_fits(self, cost: Cost, caller: Caller) -> None:
        most = self._limits.max_inflight_tokens
        if cost.tokens > most:
            message = f"the request may use {cost.tokens} tokens; this server takes {most} at once"
            raise InvalidRequest(message, param=cost.param)
        quota = caller.tokens_per_minute
        if quota is not None and cost.tokens > quota:
            message = f"the request may use {cost.tokens} tokens; this key has {quota} a minute"
            raise InvalidRequest(message, param=cost.param)

    def _open_account(self, caller: Caller, cost: Cost) -> Account:
        account = self._accounts.setdefault(caller, Account(caller, self._now))
        try:
            account.open(cost.tokens)
        except QuotaExceeded:
            self._metrics.refused.labels("quota").inc()
            raise
        return account

    async def _admitted(self, key: str, cost: Cost, patience_s: float | None) -> _Ticket:
        ticket = _Ticket(key, cost)
        self._queue.push(key, ticket, cost.tokens)
        self._let_in()
        if not ticket.admitted.is_set() and self._queue.waiting(key) > self._limits.max_queued_requests:
            self._withdraw(ticket)
            self._metrics.refused.labels("queue_full").inc()
            raise Overloaded("the server is full; try again later", retry_after_s=self._retry_after_s(cost))
        try:
            async with asyncio.timeout(patience_s):
                await ticket.admitted.wait()
        except TimeoutError:
            self._withdraw(ticket)
            raise DeadlineExceeded("the deadline passed while the request waited for a place") from None
        except BaseException:
            self._withdraw(ticket)
            raise
        return ticket

    def _let_in(self) -> None:
        """Admit those whose turn it is, for as long as the next one fits."""
        while (ticket := self._queue.head()) is not None and self._room.fits(ticket.cost):
            self._queue.pop()
            self._room.change(ticket.cost, -1)
            ticket.since = self._now()
            ticket.admitted.set()
            self._metrics.inflight.inc()
        self._metrics.queued.set(len(self._queue))

    def _leave(self, ticket: _Ticket) -> None:
        self._room.change(ticket.cost, 1)
        self._metrics.inflight.dec()
        self._mean_stay_s += 0.1 * (self._now() - ticket.since - self._mean_stay_s)
        self._let_in()

    def _withdraw(self, ticket: _Ticket) -> None:
        """Give up waiting, also where the place was granted in the very moment of giving up."""
        if ticket.admitted.is_set():
            self._leave(ticket)
        else:
            self._queue.discard(ticket.key, ticket)
            self._let_in()

    def _retry_after_s(self, cost: Cost) -> float:
        """About when the queue will have moved: by Little's law all capacity is renewed once in a mean time in service.

        A fifth more or less parts those who were turned away together.
        """
        waiting = (self._queue.cost + cost.tokens) / self._limits.max_inflight_tokens
        places = (len(self._queue) + 1) / self._limits.max_concurrent_requests
        wait_s = self._mean_stay_s * max(waiting, places) * random.uniform(0.8, 1.2)
        return min(max(wait_s, 1.0), LONGEST_WAIT_S)


def _used(meter: Meter) -> int:
    return meter.prompt_tokens + meter.completion_tokens + meter.reward_model_tokens
