"""So many requests by the OpenAPI document, valid and invalid, and what became of them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

_TIMEOUT_S: Final = 60
_MODES: Final = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
# A reply whose stream broke off inside has this in its body, under a status of 200.
_INSIDE: Final = b'"code":"internal_error"'


def allowed(status: int) -> bool:
    """What a caller may be answered, whatever it sent: all but errors of ours, overload and deadline excepted.

    422 is nobody's answer here: FastAPI's own would not have OpenAI's shape.
    """
    return 200 <= status < 300 or (400 <= status < 500 and status != 422) or status in (503, 504)


@dataclass
class Tally:
    """What came back: counts by operation and status, and every answer that should not have come."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        return sum(self.counts.values())

    def by_status(self) -> dict[str, int]:
        found: Counter[str] = Counter()
        for (_, status), count in self.counts.items():
            found[status] += count
        return dict(sorted(found.items()))

    def add(self, operation: str, status: str, failure: str | None) -> None:
        self.counts[operation, status] += 1
        if failure:
            self.failures.append(failure)


def fuzz(url: str, documents: list[Mapping[str, Any]], total: int, seed: int) -> Tally:
    """Send `total` requests; each document, operation and mode gets an equal share, reads a small one."""
    tally = Tally()
    with requests.Session() as session:
        for count, operation, mode in _shares(documents, total):
            _send(count, operation, mode, seed, lambda case, name: _one(case, name, url, session, tally))
    return tally


def _shares(documents: list[Mapping[str, Any]], total: int) -> Iterator[tuple[int, Any, GenerationMode]]:
    """How many requests of which operation; the remainder of a division goes to the first ones."""
    plans = [
        (operation, mode)
        for document in documents
        for operation in _operations(document)
        for mode in _MODES
        # Nothing can be wrong with a request without a body: every path is a string.
        if mode is GenerationMode.POSITIVE or "requestBody" in operation.definition.raw
    ]
    reads = [plan for plan in plans if plan[0].method == "get"]
    writes = [plan for plan in plans if plan[0].method != "get"]
    for_reads = total // 10
    for group, share in ((reads, for_reads), (writes, total - for_reads)):
        for i, (operation, mode) in enumerate(group):
            if count := share // len(group) + (i < share % len(group)):
                yield count, operation, mode


def _operations(document: Mapping[str, Any]) -> list[Any]:
    operations: list[Any] = []
    for found in schemathesis.openapi.from_dict(dict(document)).get_all_operations():
        if not isinstance(found, Ok):
            raise found.err()
        operations.append(found.ok())
    return operations


def _send(
    count: int, operation: Any, mode: GenerationMode, seed: int, each: Callable[[Any, str], None]
) -> None:
    """`count` cases; where the values of an operation run out, what is left of them is drawn with the next seed."""
    name = f"{operation.method.upper()} {operation.path}"
    left = count
    for attempt in range(count):
        left -= _draw(
            left, operation.as_strategy(generation_mode=mode), seed + attempt, lambda case: each(case, name)
        )
        if left == 0:
            return


def _draw(most: int, cases: Any, seed: int, each: Callable[[Any], None]) -> int:
    done = 0

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=most,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(cases)
    def draw(case: Any) -> None:
        nonlocal done
        if done < most:
            done += 1
            each(case)

    draw()
    return done


def _one(case: Any, name: str, url: str, session: requests.Session, tally: Tally) -> None:
    try:
        response = session.request(**case.as_transport_kwargs(base_url=url), timeout=_TIMEOUT_S)
    except requests.RequestException as error:
        tally.add(name, type(error).__name__, f"{name}: {error!r}\n{case.as_curl_command()}")
        return
    broken = not allowed(response.status_code) or _INSIDE in response.content
    failure = (
        f"{name}: {response.status_code} {response.text[:500]}\n{case.as_curl_command()}" if broken else None
    )
    tally.add(name, str(response.status_code), failure)
