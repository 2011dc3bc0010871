"""Start the service on a socket, send it requests by its own OpenAPI document, and count the answers."""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from scripts.fuzz.document import informed
from scripts.fuzz.requests import Tally, fuzz
from scripts.fuzz.schemas import SchemaTally, send_schemas

_REQUESTS: Final = {"scripted": 5000, "vllm": 300}
# Small, so that the real engine does not spend hours on what random numbers ask for.
_LIMITS: Final = {"max_n": 4, "max_tokens": 16, "default_max_tokens": 8, "deadline_ms": 20_000}
_START_TIMEOUT_S: Final = 900
_STOP_TIMEOUT_S: Final = 90


def main() -> int:
    """Print the counts; exit 1 if any answer was none that a caller may get, or if the service no longer answers."""
    options = _options()
    count = options.requests or _REQUESTS[options.engine]
    with _service(options.engine) as url:
        if options.schemas:
            return _report_schemas(send_schemas(url, _get(f"{url}/v1/models")["data"][0]["id"]))
        document = _get(f"{url}/openapi.json")
        model = _get(f"{url}/v1/models")["data"][0]["id"]
        documents = [document, informed(document, model, *_names(url))]
        begun = time.monotonic()
        tally = fuzz(url, documents, count, options.seed)
        took = time.monotonic() - begun
        _ask(url, model)
    return _report(tally, options, took)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--engine", choices=sorted(_REQUESTS), default="scripted", help="What generates.")
    parser.add_argument("--requests", type=int, help="How many (default: 5000; 300 on the real engine).")
    parser.add_argument("--schemas", action="store_true", help="Hostile JSON schemas and grammars instead.")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="Repeats a run.")
    return parser.parse_args()


def _report(tally: Tally, options: argparse.Namespace, took: float) -> int:
    print(f"{tally.sent} requests to the {options.engine} engine in {took:.0f} s, seed {options.seed}")
    operations = sorted({operation for operation, _ in tally.counts})
    for operation in operations:
        counts = {status: n for (name, status), n in sorted(tally.counts.items()) if name == operation}
        print(f"  {operation:<28}" + "  ".join(f"{status}: {n}" for status, n in counts.items()))
    print(f"  {'all':<28}" + "  ".join(f"{status}: {n}" for status, n in tally.by_status().items()))
    print(f"outside 2xx, 4xx, 503, 504: {len(tally.failures)}; the service answers afterwards")
    for failure in tally.failures[:20]:
        print(f"\n{failure}", file=sys.stderr)
    return bool(tally.failures)


def _report_schemas(tally: SchemaTally) -> int:
    print(f"{tally.sent} requests with hostile schemas and grammars: plain, with log-probabilities, streamed")
    print("  " + "  ".join(f"{status}: {n}" for status, n in sorted(tally.statuses.items())))
    print("  slowest: " + ", ".join(f"{seconds:.2f} s {name}" for seconds, name in tally.slowest(5)))
    print(
        f"  engine restarts: {tally.restarts:g}; failures, ordinary requests included: {len(tally.failures)}"
    )
    ordinary = sorted(tally.ordinary)
    print(
        f"  {len(ordinary)} ordinary ones of as many tokens in between: median {ordinary[len(ordinary) // 2]:.2f} s, "
        f"slowest {ordinary[-1]:.2f} s"
    )
    for failure in tally.failures[:40]:
        print(f"  {failure}", file=sys.stderr)
    return bool(tally.failures or tally.restarts)


@contextmanager
def _service(engine: str) -> Iterator[str]:
    """A service of its own process, as a user starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = [word for name, value in _LIMITS.items() for word in ("--set", f"limits.{name}={value}")]
    command = [
        sys.executable,
        "-m",
        "service.cli.main",
        "serve",
        "--engine",
        engine,
        "--port",
        str(port),
        *settings,
    ]
    process = subprocess.Popen(
        [*command, "--log-level", "error"], stdout=subprocess.DEVNULL, env=_environment()
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, url)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_TIMEOUT_S)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("NBEST_")}


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    give_up = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise SystemExit(f"the service ended with {process.returncode} before it was ready")
        try:
            _get(f"{url}/ready")
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"the service was not ready within {_START_TIMEOUT_S} s")


def _names(url: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The strategies that the service describes, the scorers that it has loaded."""
    scorers = [entry["name"] for entry in _get(f"{url}/v1/scorers")["data"]]
    return _get(f"{url}/v1/strategies")["data"], scorers


def _ask(url: str, model: str) -> None:
    """One ordinary Best-of-N request, which must be answered; HTTPError otherwise."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "6 times 7?"}],
        "max_tokens": 8,
        "strategy": {"name": "best_of_n", "n": 2},
    }
    content = {"content-type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), content)
    with urllib.request.urlopen(request, timeout=60) as response:
        assert len(json.load(response)["nbest"]["candidates"]) == 2


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.load(response)


if __name__ == "__main__":
    sys.exit(main())
