"""A whole service whose generator dies on SIGUSR1, and whose second start waits for a child process if told to.

Arguments: port, restarts allowed, `quick` or `stuck` for the second start.
"""

import multiprocessing
import signal
import sys
import time
from types import FrameType

from service import app, server
from service.engine.group_lock import GroupLock
from service.engine.settings import EngineSettings
from service.settings import Settings
from tests.service.supervision.fakes import FragileEngine


class Doomed:
    """Makes the generators; a dying one fails what it is at work on, as vLLM does."""

    def __init__(self, second: str) -> None:
        self.second = second
        self.made: list[FragileEngine] = []

    def start(self, settings: EngineSettings, lock: GroupLock) -> FragileEngine:
        if self.made and self.second == "stuck":
            child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
            child.start()
            print("starting", child.pid, flush=True)
            child.join()
            raise RuntimeError("engine core exited")
        self.made.append(FragileEngine(token_s=0.2))
        return self.made[-1]

    def die(self, number: int, frame: FrameType | None) -> None:
        self.made[-1].dead = True


if __name__ == "__main__":
    port, most, second = sys.argv[1:]
    doomed = Doomed(second)
    app._start_engine = doomed.start
    signal.signal(signal.SIGUSR1, doomed.die)
    scripted = [{"name": "outcome", "kind": "outcome", "backend": "scripted"}]
    server.serve(
        Settings.load(
            None,
            server={"port": int(port), "log_level": "warning"},
            engine={"backend": "scripted"},
            scorers=scripted,
            supervision={"heartbeat_s": 0.1, "max_restarts": int(most)},
        )
    )
