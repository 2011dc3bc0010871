"""One key's account: what it may use by the minute and at once, held against what it does use."""

from collections.abc import Callable

from service.keys.caller import Caller
from service.state.token_bucket import TokenBucket
from strategies.base.errors import QuotaExceeded


class Account:
    """Opened by each request as it arrives, closed as it ends; the wait that a refusal names is at most a minute."""

    def __init__(self, caller: Caller, now: Callable[[], float]) -> None:
        self._now = now
        self._most = caller.max_concurrent_requests
        self._active = 0
        quota = caller.tokens_per_minute
        self._bucket = TokenBucket.full(quota, now()) if quota is not None else None

    def open(self, tokens: int) -> None:
        """Charge the request. QuotaExceeded, and nothing charged, if the key has no more requests or tokens left."""
        if self._most is not None and self._active >= self._most:
            message = f"this key has {self._active} requests at work; it may have {self._most}"
            raise QuotaExceeded(message, retry_after_s=1.0)
        if self._bucket is not None:
            missing_s = self._bucket.missing_s(tokens, self._now())
            if missing_s > 0:
                message = f"this key may use {self._bucket.per_minute} tokens a minute and has used them"
                raise QuotaExceeded(message, retry_after_s=missing_s)
            self._bucket.take(tokens, self._now())
        self._active += 1

    def close(self, unused: int) -> None:
        """The request has ended, and of its charge so many tokens come back."""
        self._active -= 1
        if self._bucket is not None:
            self._bucket.give_back(unused)
