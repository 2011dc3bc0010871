"""When to send a request again: exactly after `TryAgain`, and only if the wait fits in the time that is left."""

import email.utils
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from nbest_client._errors import NbestError, TryAgain

_BASE_S = 0.5
_CAP_S = 8.0


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a failed request is sent again, at most. Nothing on the server changes by sending one twice."""

    max: int = 2

    def wait_s(self, error: NbestError, tried: int, remaining_s: float | None, jitter: float) -> float | None:
        """Seconds to wait before the next try; None where there must be none.

        `tried` requests were sent so far; `jitter` in [0, 1) parts those who failed together. A server that said when
        to come back is waited for in full; where that is beyond the deadline, waiting would be in vain.
        """
        if not isinstance(error, TryAgain) or tried > self.max:
            return None
        wait_s = error.retry_after_s
        if wait_s is None:
            wait_s = backoff_s(tried) * (0.5 + jitter / 2)
        return wait_s if remaining_s is None or wait_s < remaining_s else None


def backoff_s(tried: int) -> float:
    """Half a second, doubled with every try, at most eight."""
    return min(_CAP_S, _BASE_S * 2.0 ** (tried - 1))


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """What `retry-after-ms` or `retry-after` (seconds, or a date) asks for; None where neither can be read."""
    milliseconds = _seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    told = headers.get("retry-after")
    seconds = _seconds(told)
    return seconds if seconds is not None else _until(told, now or datetime.now(UTC))


def _seconds(told: str | None) -> float | None:
    try:
        value = float(told or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _until(date: str | None, now: datetime) -> float | None:
    try:
        then = email.utils.parsedate_to_datetime(date or "")
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - now).total_seconds())
