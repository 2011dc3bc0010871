"""However the service ends, its engine ends with it; and when the engine ends, the service is told."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

ROOT = Path(__file__).resolve().parents[2]
GONE_S = 5.0
STOPPED_S = 20.0


class Service:
    """The process under test, its engine's processes, and what it prints."""

    def __init__(self, model: Path) -> None:
        script = [sys.executable, "-m", "tests.engine.doomed_service", str(model)]
        # A group of its own, so that a signal reaches only the process it is sent to.
        self.process = subprocess.Popen(
            script, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
        )
        self.children = [int(word) for word in self.line_with("children").split()[1:]]

    def line_with(self, word: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if word in line:
                return line
        raise AssertionError(f"it ended, with status {self.process.wait()}, before it said {word!r}")

    def kill(self) -> None:
        with self.process:
            for pid in (self.process.pid, *self.children):
                if is_alive(pid):
                    os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def seconds_until(happened: Callable[[], bool], limit_s: float) -> float:
    begun = time.monotonic()
    while not happened():
        if time.monotonic() - begun > limit_s:
            pytest.fail(f"not within {limit_s} s")
        time.sleep(0.05)
    return time.monotonic() - begun


@pytest.fixture
def doomed_service(tiny_generator: Path) -> Iterator[Service]:
    service = Service(tiny_generator)
    try:
        yield service
    finally:
        service.kill()


def test_killing_the_service_takes_its_engine_along(doomed_service: Service) -> None:
    assert len([pid for pid in doomed_service.children if is_alive(pid)]) >= 2
    doomed_service.line_with("token")
    doomed_service.process.kill()
    seconds_until(lambda: not any(map(is_alive, doomed_service.children)), GONE_S)


def below(pid: int) -> set[int]:
    """The processes that it started itself and that live."""
    told = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return {int(word) for word in told.stdout.split() if is_alive(int(word))}


def test_killing_the_service_as_its_engine_starts_leaves_nothing_behind(tiny_generator: Path) -> None:
    """Before the engine has come as far as vLLM's plugins."""
    command = [sys.executable, "-m", "service.cli.main", "serve", "--port", "0"]
    service = subprocess.Popen(
        [*command, "--set", f"engine.model={tiny_generator}"],
        cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    children: set[int] = set()
    try:
        # The first to come is Python's own tracker of resources, the second the engine.
        seconds_until(lambda: len(below(service.pid)) >= 2, 60)
        time.sleep(3)
        children = below(service.pid)
        service.kill()
        service.wait()
        seconds_until(lambda: not any(map(is_alive, children)), GONE_S)
    finally:
        service.kill()
        for pid in filter(is_alive, children):
            os.kill(pid, signal.SIGKILL)


def test_terminating_the_service_leaves_nothing_behind(doomed_service: Service) -> None:
    doomed_service.line_with("token")
    doomed_service.process.terminate()
    assert doomed_service.process.wait(STOPPED_S) == 0
    seconds_until(lambda: not any(map(is_alive, doomed_service.children)), GONE_S)


def test_a_lost_engine_is_an_error_at_once_and_the_service_can_still_stop(doomed_service: Service) -> None:
    doomed_service.line_with("token")
    os.kill(doomed_service.children[-1], signal.SIGKILL)
    begun = time.monotonic()
    doomed_service.line_with("EngineFailed")
    assert time.monotonic() - begun < GONE_S
    doomed_service.process.wait(STOPPED_S)
    seconds_until(lambda: not any(map(is_alive, doomed_service.children)), GONE_S)
