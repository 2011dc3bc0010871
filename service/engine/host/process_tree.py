"""The processes that an engine started, so that exactly they can be killed, also while they are stopped."""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Descendant:
    """A process below one that we started. Its start time tells it from a later process with the same pid."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        return _status(self.pid) == (self.started, True)


@dataclass(frozen=True, slots=True)
class ProcessTree:
    """The processes of one engine: our children, and on Linux what those had started when it was drawn up."""

    children: tuple[BaseProcess, ...] = ()
    below: frozenset[Descendant] = field(default_factory=frozenset)

    @classmethod
    def since(cls, before: Iterable[BaseProcess]) -> "ProcessTree":
        """Whatever this process has started since `before`, a result of `children`, was taken."""
        new = tuple(children() - set(before))
        return cls(new, frozenset(_below({child.pid for child in new if child.pid is not None})))

    @property
    def alive(self) -> bool:
        """Whether one of them still runs; the dead that nobody has waited for do not count."""
        return any(child.is_alive() for child in self.children) or any(d.alive for d in self.below)

    def kill(self) -> None:
        """SIGKILL to each at once. It reaches stopped processes too, and never one that is not of the family."""
        for child in self.children:
            with contextlib.suppress(OSError, ValueError):
                child.kill()
        for descendant in self.below:
            if descendant.alive:
                with contextlib.suppress(OSError):
                    os.kill(descendant.pid, signal.SIGKILL)


def children() -> set[BaseProcess]:
    """The processes that `multiprocessing` runs for this one, which is how vLLM starts an engine's."""
    return set(multiprocessing.active_children())


def _below(roots: set[int]) -> set[Descendant]:
    """Everything started by these, and by those; nothing where there is no /proc."""
    parents = {pid: parent for pid in _pids() if (parent := _parent(pid)) is not None}
    found: set[int] = set()
    generation = roots
    while generation:
        generation = {pid for pid, parent in parents.items() if parent in generation} - found
        found |= generation
    statuses = {pid: _status(pid) for pid in found}
    return {Descendant(pid, status[0]) for pid, status in statuses.items() if status is not None}


def _pids() -> list[int]:
    return [int(path.name) for path in _PROC.glob("[0-9]*")]


def _parent(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def _status(pid: int) -> tuple[int, bool] | None:
    """When it was started, in clock ticks since boot, and whether it runs (a zombie does not)."""
    fields = _stat(pid)
    return (int(fields[19]), fields[0] not in ("Z", "X")) if fields else None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name, which may itself hold spaces and brackets."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
