"""The process in which transformers computes: started with one model, asked one batch at a time, killed at any time."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final

from service.engine.host.cpu_cores import usable_cores
from service.engine.host.parent_death import die_with_parent
from service.reward_models.base.errors import PoolingFailed, ScorerLoadError
from service.reward_models.transformers.batching import Item, Rows
from service.reward_models.transformers.network import Load

_START_S: Final = 900.0
"""Seconds for a model to load; tens of gigabytes from a slow disk take minutes."""

_WATCH_S: Final = 1.0
_GONE: Final = "its process is gone"


@dataclass(slots=True)
class WorkerProcess:
    """The process as its parent sees it. `ask` blocks and may be called from any thread; one call at a time gets in."""

    process: BaseProcess
    connection: Connection
    max_model_len: int = 0
    is_lost: bool = False
    lock: Any = None

    @classmethod
    def start(cls, load: Load, threads: str | None = None) -> "WorkerProcess":
        """A process with the model loaded; ScorerLoadError if it does not get there. It dies with this thread."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, load, threads), daemon=True)
        process.start()
        theirs.close()
        worker = cls(process, ours, lock=threading.Lock())
        try:
            worker.max_model_len = worker._loaded()
        except BaseException:
            worker.close()
            raise
        return worker

    @property
    def is_alive(self) -> bool:
        """Whether it can still be asked; one that was lost, or killed by us, never comes back."""
        return not self.is_lost and self.process.is_alive()

    def ask(self, items: Sequence[Item]) -> list[Rows]:
        """The rows of each item of one batch; PoolingFailed if the process is gone or could not."""
        with self.lock:
            try:
                self.connection.send(list(items))
                word, answer = self.connection.recv()
            except (EOFError, OSError) as error:
                self.is_lost = True
                raise PoolingFailed(_GONE, "engine_dead") from error
        if word != "rows":
            raise PoolingFailed(f"it failed ({answer})", "error")
        rows: list[Rows] = answer
        return rows

    def kill(self) -> None:
        """End the process, without waiting for its end; whoever waits in `ask` gets PoolingFailed."""
        self.is_lost = True
        # Of a process that was collected nothing is left to kill.
        with contextlib.suppress(ValueError):
            self.process.kill()

    def close(self) -> None:
        """End the process and collect it; safe to call twice."""
        self.kill()
        with contextlib.suppress(ValueError):
            self.process.join()
            self.process.close()
        # Whoever waits holds the lock until the end of the process reaches it.
        with self.lock:
            self.connection.close()

    def _loaded(self) -> int:
        for _ in range(round(_START_S / _WATCH_S)):
            if self.connection.poll(_WATCH_S):
                break
        else:
            raise ScorerLoadError(f"its model did not load within {_START_S:.0f} s")
        try:
            word, answer = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            raise ScorerLoadError(
                f"its process ended as it loaded, with code {self.process.exitcode} (-9: killed, perhaps for memory)"
            ) from None
        if word != "ready":
            raise ScorerLoadError(str(answer))
        return int(answer)


def _serve(connection: Connection, load: Load, threads: str | None) -> None:
    """The process's whole life: load, then answer batches until the pipe closes."""
    die_with_parent()
    # An interrupt at the terminal reaches every process; it is the parent that decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ |= {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "TOKENIZERS_PARALLELISM": "false",
    }
    os.environ |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1"}
    try:
        network = _load(load, threads)
    except Exception as error:
        connection.send(("failed", f"{type(error).__name__}: {error}"))
        return
    connection.send(("ready", network.max_model_len))
    with contextlib.suppress(EOFError, OSError):
        while True:
            connection.send(_answer(network, connection.recv()))


def _load(load: Load, threads: str | None) -> Any:
    import torch

    from service.reward_models.transformers.network import Network

    if threads is not None:
        os.sched_setaffinity(0, cores_of(threads))
    torch.set_num_threads(len(usable_cores()))
    return Network(load)


def _answer(network: Any, items: list[Item]) -> tuple[str, Any]:
    try:
        return "rows", network.answer(items)
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}"


def cores_of(threads: str) -> set[int]:
    """The cores of a list such as `0-3,6`."""
    cores: set[int] = set()
    for part in threads.split(","):
        first, _, last = part.partition("-")
        cores |= set(range(int(first), int(last or first) + 1))
    return cores
