"""An engine's process that has armed itself dies with the process that started it, and nobody else does."""

import os
import signal
import subprocess
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from service.engine.host import parent_death

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the kernel's request is Linux only"
)

ROOT = Path(__file__).resolve().parents[4]
GONE_S = 5.0
# The child leaves its process group, so that only the kernel's request can reach it.
SCRIPT = """
import multiprocessing, os, signal, sys, time
from service.engine.host.parent_death import die_with_parent

if BEFORE:
    die_with_parent()

def child(pipe):
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if not BEFORE:
        die_with_parent()
        die_with_parent()
    pipe.send(os.getpid())
    time.sleep(600)

if __name__ == "__main__":
    die_with_parent()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    context.Process(target=child, args=(theirs,), daemon=False).start()
    print(ours.recv(), flush=True)
    time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("number", "before"), [(signal.SIGKILL, False), (signal.SIGTERM, False), (signal.SIGKILL, True)]
)
def test_a_child_dies_with_its_parent(tmp_path: Path, number: signal.Signals, before: bool) -> None:
    """Armed in its own function, or `before`: as it imports the module that its parent was started with."""
    script = tmp_path / "parent.py"
    script.write_text(f"BEFORE = {before}\n{SCRIPT}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            assert is_alive(child)
            parent.send_signal(number)
            parent.wait(GONE_S)
            deadline = time.monotonic() + GONE_S
            while is_alive(child) and time.monotonic() < deadline:
                time.sleep(0.02)
            assert not is_alive(child)
        finally:
            parent.kill()
            if is_alive(child):
                os.kill(child, signal.SIGKILL)


def test_the_service_itself_is_left_alone() -> None:
    parent_death.die_with_parent()
    assert is_alive(os.getpid())


def test_vllm_finds_it_in_an_installed_service() -> None:
    """Without the entry point an engine outlives a service that is killed."""
    named = {point.name: point.value for point in entry_points(group="vllm.general_plugins")}
    assert named.get("nbest_parent_death") == "service.engine.host.parent_death:die_with_parent"
