"""Exactly the processes of one engine are killed, children and theirs, also while they are stopped."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess

import pytest

from service.engine.host.process_tree import Descendant, ProcessTree, children

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def parent(pids: "multiprocessing.SimpleQueue[int]") -> None:
    """Starts a process of its own, as vLLM's EngineCore does its workers, and says who it is."""
    below = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    pids.put(below.pid)
    time.sleep(60)


def begin() -> tuple[BaseProcess, int]:
    context = multiprocessing.get_context("spawn")
    pids = context.SimpleQueue()
    process = context.Process(target=parent, args=(pids,))
    process.start()
    return process, pids.get()


@pytest.fixture
def two_families() -> Iterator[list[tuple[ProcessTree, BaseProcess, int]]]:
    made = []
    for _ in range(2):
        before = children()
        process, below = begin()
        made.append((ProcessTree.since(before), process, below))
    yield made
    for family, process, _ in made:
        family.kill()
        process.join(5)


def gone_within(family: ProcessTree, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while family.alive and time.monotonic() < deadline:
        time.sleep(0.02)
    return not family.alive


def test_killing_takes_the_family_stopped_or_not_and_nobody_else(
    two_families: list[tuple[ProcessTree, BaseProcess, int]],
) -> None:
    (mine, process, below), (others, *_) = two_families
    assert mine.children == (process,)
    assert below in {descendant.pid for descendant in mine.below}
    assert mine.alive
    for pid in (process.pid, below):
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
    mine.kill()
    assert gone_within(mine, 5)
    assert others.alive
    assert len(others.below) == 1
    mine.kill()


def test_a_later_process_with_the_same_pid_is_not_of_the_family() -> None:
    ourselves = os.getpid()
    assert not Descendant(ourselves, started=1).alive
    ProcessTree(below=frozenset({Descendant(ourselves, started=1)})).kill()


def test_nothing_started_is_no_family() -> None:
    family = ProcessTree.since(children())
    assert not family.alive
    family.kill()
