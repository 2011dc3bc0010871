"""A service of one's own: `nbest serve` in a process, on a free port of this machine, with a key that only we have."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from service.keys.keyring import new_key

STARTUP_S = 600.0
"""Patience with the start of two engines; they take about half a minute on two cores."""

STOP_S = 120.0
"""Patience with the stop of engines, before they are killed."""

Status = Callable[[str], AbstractContextManager[Any]]
"""Shows what is waited for; rich's `Console.status` is one."""


class LocalFailed(RuntimeError):
    """The service did not come up; the message has its last words and says where its log is."""


@dataclass(frozen=True)
class Local:
    """Where the service listens, and the one key that it accepts."""

    url: str
    key: str = field(repr=False)


@contextlib.contextmanager
def serving(arguments: Sequence[str], log: Path, status: Status) -> Iterator[Local]:
    """A service started with these arguments of `nbest serve`, ready; it is stopped at the end.

    LocalFailed where it does not come up, or ends by itself; then alone its log is kept.
    Keys that the configuration names do not hold here: the last `--set` wins, and it names ours alone.
    """
    port, (key, digest) = _free_port(), new_key()
    url = f"http://127.0.0.1:{port}"
    keys = json.dumps([{"name": "local", "sha256": digest}])
    place = ["--host", "127.0.0.1", "--port", str(port), "--set", f"keys={keys}"]
    process, ready = _started([*arguments, *place], log), False
    try:
        with status("starting the service and its models"):
            _wait_until_ready(process, url, log)
        ready = True
        yield Local(url, key)
    finally:
        if process.poll() is not None:
            raise _ended(process, log)
        with status("stopping the service"):
            _stop(process)
        if ready:
            log.unlink()


def _started(arguments: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """In a session of its own: Ctrl-C is for us, and we stop it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "service.cli.main", "serve", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTUP_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise _ended(process, log)
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/ready", timeout=5).status_code == httpx.codes.OK:
                return
        time.sleep(0.2)
    raise LocalFailed(f"the service was not ready within {STARTUP_S:.0f} s (its log: {log})")


def _ended(process: "subprocess.Popen[bytes]", log: Path) -> LocalFailed:
    return LocalFailed(
        f"the service ended with exit code {process.returncode}: {_last_words(log)} (its log: {log})"
    )


def _last_words(log: Path) -> str:
    """The command's own reason where it gives one, else whatever came last."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    reasons = [line.removeprefix("nbest: ") for line in lines if line.startswith("nbest: ")]
    return next(reversed(reasons or lines), "it said nothing")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
