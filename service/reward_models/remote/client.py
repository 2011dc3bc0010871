"""One call to a remote scorer: bounded in time, size and number, tried again where that may help, never redirected."""

import asyncio
import contextlib
import json
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from service.reward_models.base.errors import PoolingFailed

_BACKOFF_S: Final = 0.1
_MOST_BACKOFF_S: Final = 5.0
_MOST_BYTES: Final = 16 << 20
"""Of one answer."""
_AGAIN: Final = frozenset({429, 503})
_LENGTH: Final = r"(?:longer|maximum|less than|exceed|too long)"
_TOO_LONG: Final = re.compile(rf"token[^.]{{0,80}}{_LENGTH}|{_LENGTH}[^.]{{0,80}}token", re.IGNORECASE)
"""How vLLM (400) and TEI (413, 422) tell of an input that does not fit the model."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The parsed JSON of an answer of status 200, and its headers."""

    body: Any
    headers: Mapping[str, str]


class _TryAgain(Exception):
    """An attempt that failed in a way that may pass; `after_s` is what the server asked for."""

    def __init__(self, failure: PoolingFailed, after_s: float = 0.0) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.after_s = after_s


@dataclass(frozen=True, slots=True)
class Caller:
    """Posts JSON to one server.

    What cannot be reached, or is busy (429, 503), is tried again, after a random time that doubles at most, or what
    `Retry-After` says if that is longer and at most 5 s. The request's deadline cancels a call wherever it is.
    """

    client: httpx.AsyncClient
    timeout_s: float
    retries: int
    places: asyncio.Semaphore
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep)

    async def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """The answer; PoolingFailed says, in a word of its closed set, why there is none."""
        for attempt in range(self.retries + 1):
            try:
                async with self.places:
                    return await self._attempt(path, body)
            except _TryAgain as again:
                if attempt == self.retries or again.after_s > _MOST_BACKOFF_S:
                    raise again.failure from again
                most = min(_BACKOFF_S * 2**attempt, _MOST_BACKOFF_S)
                await self.sleep(max(random.uniform(0, most), again.after_s))
        raise AssertionError("the last attempt returns or raises")

    async def aclose(self) -> None:
        await self.client.aclose()

    async def _attempt(self, path: str, body: Mapping[str, Any]) -> Answer:
        try:
            # httpx's own timeouts are for each read: a server that drips would never meet them.
            async with asyncio.timeout(self.timeout_s):
                async with self.client.stream("POST", path, json=body) as response:
                    return _answer(response, await _bounded(response))
        except TimeoutError:
            raise PoolingFailed(f"no answer within {self.timeout_s:g} s", "timeout") from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _TryAgain(
                PoolingFailed(f"it cannot be reached ({type(error).__name__})", "unreachable")
            ) from error


async def _bounded(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > _MOST_BYTES:
            raise PoolingFailed(f"its answer is longer than {_MOST_BYTES >> 20} MiB", "invalid_response")
    return bytes(content)


def _answer(response: httpx.Response, content: bytes) -> Answer:
    status = response.status_code
    if status in _AGAIN:
        busy = PoolingFailed(f"it is busy (status {status})", "overloaded")
        raise _TryAgain(busy, _seconds(response.headers.get("retry-after")))
    if 300 <= status < 400:
        raise PoolingFailed(f"it redirects (status {status}), which is not followed", "refused")
    if status in (400, 413, 422) and _TOO_LONG.search(content[:4096].decode(errors="replace")):
        raise PoolingFailed("the input is longer than the model reads", "too_long")
    if status != 200:
        raise PoolingFailed(f"it refused (status {status})", "refused")
    try:
        return Answer(json.loads(content), response.headers)
    except (ValueError, RecursionError):
        raise PoolingFailed("its answer is not JSON", "invalid_response") from None


def _seconds(retry_after: str | None) -> float:
    """Whole seconds; a date, the header's other form, counts as nothing."""
    with contextlib.suppress(ValueError):
        return max(float(int(retry_after or "")), 0.0)
    return 0.0
