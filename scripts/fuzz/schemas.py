"""Every hostile schema as requests to a service: none may fail the engine, end in a 5xx, or take long."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from scripts.fuzz.hostile_schemas import hostile_requests

MOST_S: Final = 2.0
_WAYS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"logprobs": True, "top_logprobs": 5},
    {"stream": True, "strategy": {"name": "best_of_n", "n": 2}},
)
_TIMEOUT_S: Final = 60
_ORDINARY_EVERY: Final = 40


@dataclass
class SchemaTally:
    """What came back: counts by status, seconds by request, and every answer that should not have come.

    `ordinary` are the seconds of requests without a schema, sent in between: they tell how busy the machine was.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[tuple[float, str]] = field(default_factory=list)
    ordinary: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    restarts: float = 0.0

    @property
    def sent(self) -> int:
        return sum(self.statuses.values())

    def slowest(self, count: int) -> list[tuple[float, str]]:
        return sorted(self.seconds, reverse=True)[:count]

    def add(self, name: str, status: str, text: str, seconds: float) -> None:
        self.statuses[status] += 1
        self.seconds.append((seconds, name))
        if why := fault(status, text):
            self.failures.append(f"{name}: {why}")
        if seconds > MOST_S:
            self.failures.append(f"{name}: answered after {seconds:.2f} s")


def fault(status: str, text: str) -> str | None:
    """Why an answer to such a request should not have come: it is an answer, or a 400 that says what."""
    if status not in ("200", "400") or '"server_error"' in text:
        return f"{status} {text[-300:]}"
    if status == "400" and '"param":null' in text and "nested deeper" not in text:
        return f"names no field: {text[:300]}"
    return None


def bodies(model: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every request in every way, under its name."""
    asked: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": "Answer."}],
        "max_tokens": 8,
        "seed": 1,
    }
    for name, fields in hostile_requests():
        for way in _WAYS:
            yield f"{name} {'+'.join(way) or 'plain'}", asked | way | fields


def send_schemas(url: str, model: str) -> SchemaTally:
    """One after the other, then an ordinary one, which must be answered."""
    tally = SchemaTally()
    with requests.Session() as session:
        for i, (name, body) in enumerate(bodies(model)):
            begun = time.monotonic()
            reply = session.post(f"{url}/v1/chat/completions", json=body, timeout=_TIMEOUT_S)
            tally.add(name, str(reply.status_code), reply.text, time.monotonic() - begun)
            if i % _ORDINARY_EVERY == 0:
                _ordinary(session, url, model, tally)
        _ordinary(session, url, model, tally)
        tally.restarts = _restarts(session.get(f"{url}/metrics", timeout=_TIMEOUT_S).text)
    return tally


def _ordinary(session: requests.Session, url: str, model: str, tally: SchemaTally) -> None:
    body: Any = {"model": model, "messages": [{"role": "user", "content": "6 times 7?"}], "max_tokens": 8}
    begun = time.monotonic()
    reply = session.post(f"{url}/v1/chat/completions", json=body | {"ignore_eos": True}, timeout=_TIMEOUT_S)
    tally.ordinary.append(time.monotonic() - begun)
    if not reply.ok:
        tally.failures.append(f"an ordinary request: {reply.status_code} {reply.text[:300]}")


def _restarts(page: str) -> float:
    lines = [line for line in page.splitlines() if line.startswith("nbest_engine_restarts_total")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
