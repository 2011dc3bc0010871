"""The service under test, in a process of its own: `nbest serve` with a script, a lag monitor, and a line to it.

The settings are the first argument, as JSON. Each line on stdin is a JSON object of things to set (`frozen`, `dead`,
`fault`, `delay_s`); the answer on stdout is a line that says what goes on inside.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from service import app, server
from service.engine.group_lock import GroupLock
from service.engine.host.process_tree import ProcessTree
from service.engine.settings import EngineSettings
from service.equivalence.pool import AnswerChecker
from service.settings import Settings
from tests.chaos.lag import Lag
from tests.chaos.script import ChaosEngine, ChaosScorer, play, scorers


class Inside:
    """What can be changed and seen from outside."""

    def __init__(self) -> None:
        self.app: FastAPI | None = None
        self.engine: Any = None
        self.scorer = ChaosScorer()
        self.lag = Lag()

    def start_engine(self, settings: EngineSettings, lock: GroupLock) -> ChaosEngine:
        made = self.engine = ChaosEngine(script=play)
        return made

    def set(self, changes: Mapping[str, Any]) -> None:
        for name, value in changes.items():
            target = self.scorer if name in ("fault", "delay_s") else self.engine
            setattr(target, name, value)

    def report(self) -> dict[str, Any]:
        assert self.app is not None
        service = self.app.state.service
        checker: AnswerChecker = service.runner.equivalence
        engine = service.engine.inner
        return {
            "in_flight": service.drain.in_flight,
            "queued": service.metrics.queued._value.get(),
            "unfinished": engine.unfinished,
            "fusing": getattr(engine, "fusing", 0),
            "scoring": self.scorer.running,
            "checking": checker.comparing,
            "lag_ms": self.lag.longest_ms,
            "generator": _core(service.engine),
            "reward_models": [_core(model) for model in service.scorers.engines.values()],
        }


def _core(supervised: Any) -> int | None:
    """The pid of the engine's EngineCore, if it has one."""
    family: ProcessTree = getattr(supervised.part.life.inner, "_family", ProcessTree())
    return family.children[0].pid if family.children else None


class Watched(server.DrainingServer):
    """The server, with an ear for `Inside` and the lag of its loop measured."""

    inside: Inside

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        self._watch = loop.create_task(self.inside.lag.watch())
        threading.Thread(target=self._listen, args=(loop,), daemon=True).start()
        print(json.dumps({"port": self.servers[0].sockets[0].getsockname()[1]}), flush=True)

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(self._answer, line)

    def _answer(self, line: str) -> None:
        self.inside.set(json.loads(line))
        print(json.dumps(self.inside.report()), flush=True)


def main() -> None:
    settings, inside = Settings.model_validate_json(sys.argv[1]), Inside()
    if settings.engine.backend == "scripted":
        app._start_engine = inside.start_engine
        setattr(app, "load_scorers", lambda *_, **__: scorers(inside.scorer))  # noqa: B010 (imported there)
    Watched.inside = inside
    server.DrainingServer = Watched  # type: ignore[misc]

    def create(*args: Any) -> FastAPI:
        inside.app = app.create_app(*args)
        return inside.app

    setattr(server, "create_app", create)  # noqa: B010 (imported there)
    server.serve(settings)


if __name__ == "__main__":
    main()
