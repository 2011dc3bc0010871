"""All the parts of one service that may be lost: built, watched, told of in the metrics, and given up."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from service.observability.metrics import Metrics
from service.reward_models.base.errors import PoolingFailed
from service.supervision.engine import RestartableEngine, SupervisedEngine
from service.supervision.heartbeat import Heartbeat
from service.supervision.restart_budget import RestartBudget
from service.supervision.reward_model import RestartableModel, SupervisedModel
from service.supervision.settings import SupervisionSettings
from service.supervision.starter import Starter
from service.supervision.supervised import Event, GivenUp, Supervised
from strategies.base.errors import EngineFailed

log = logging.getLogger(__name__)


class Supervisor:
    """Starts engines and watches over them. When one is given up, `exhausted` is set and `on_exhausted` called."""

    def __init__(self, settings: SupervisionSettings) -> None:
        self.on_exhausted: Callable[[], None] = _nothing
        self.exhausted = False
        self._settings = settings
        self._starter = Starter()
        self._parts: list[Supervised[Any]] = []
        self._watching: list[asyncio.Task[None]] = []

    def engine(self, name: str, start: Callable[[], RestartableEngine]) -> SupervisedEngine:
        """A generator, started now and, whenever it is lost, again; blocks as long as `start` does."""
        return SupervisedEngine(self._part(name, start, EngineFailed))

    def model(self, name: str, start: Callable[[], RestartableModel]) -> SupervisedModel:
        """A reward model, likewise."""
        return SupervisedModel(self._part(name, start, lambda why: PoolingFailed(why, "engine_dead")))

    def watch(self, metrics: Metrics) -> None:
        """Begin to watch over every part; call it in the event loop that serves."""

        def hear(name: str, event: Event) -> None:
            if event == "restart":
                metrics.engine_restarts.labels(name).inc()
            metrics.engine_up.set(all(part.state == "up" for part in self._parts))

        for part in self._parts:
            part.tell = hear
            # A counter that is there from the start can be alerted on.
            metrics.engine_restarts.labels(part.name)
            hear(part.name, "up")
            self._watching.append(asyncio.create_task(self._watch(part)))

    async def aclose(self) -> None:
        """Stop watching; what is being started is killed. The parts themselves are closed by whoever holds them."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    def _part(self, name: str, start: Callable[[], Any], lost: Callable[[str], Exception]) -> Supervised[Any]:
        rules = self._settings
        part: Supervised[Any] = Supervised(
            name,
            start,
            lost,
            Heartbeat(rules.heartbeat_s, rules.hang_timeout_s),
            RestartBudget(rules.max_restarts, rules.restart_window_s),
            self._starter,
            rules.start_timeout_s,
        )
        self._parts.append(part)
        return part

    async def _watch(self, part: Supervised[Any]) -> None:
        try:
            await part.watch()
        except GivenUp as error:
            log.critical("%s", error)
        except Exception:
            log.critical("the watch over the %s failed", part.name, exc_info=True)
        self.exhausted = True
        self.on_exhausted()


def _nothing() -> None:
    """Where nobody can end the process, as in tests, the part stays given up."""
