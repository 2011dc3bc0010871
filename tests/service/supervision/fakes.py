"""An engine that dies, hangs and starts as told, without a process: what supervision sees of the real one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from service.engine.scripted.engine import ScriptedEngine
from service.reward_models.base.errors import PoolingFailed
from service.reward_models.base.language import TextQuery
from service.reward_models.base.ports import PoolingOutput, TokenQuery
from service.supervision.heartbeat import Heartbeat
from service.supervision.restart_budget import RestartBudget
from service.supervision.starter import Starter
from service.supervision.supervised import Event, Inner, Supervised
from strategies.base.errors import EngineFailed
from strategies.base.ports import OnDelta
from strategies.base.types import Candidate, Prompt, Stage

HANG_S = 0.2


@dataclass(slots=True)
class FragileEngine(ScriptedEngine):
    """Hangs (`frozen`): its health stays green, its ping and its candidates never come, like a stopped process."""

    frozen: bool = False
    killed: int = 0
    closed: int = 0

    def freeze(self) -> None:
        self.frozen = True

    @asynccontextmanager
    async def sample(
        self,
        prompt: Prompt,
        n: int,
        *,
        stage: Stage = "sample",
        start: int = 0,
        on_delta: OnDelta | None = None,
    ) -> AsyncIterator[AsyncIterator[Candidate]]:
        drawing = ScriptedEngine.sample(self, prompt, n, stage=stage, start=start, on_delta=on_delta)
        async with drawing as candidates:
            yield self._unless_dead(candidates)

    async def _unless_dead(self, candidates: AsyncIterator[Candidate]) -> AsyncIterator[Candidate]:
        async for candidate in candidates:
            if self.frozen:
                await asyncio.Event().wait()
            if self.dead:
                raise EngineFailed("it died")
            yield candidate

    async def ping(self) -> None:
        if self.frozen:
            await asyncio.Event().wait()
        await self.check_health()

    def kill(self) -> None:
        self.killed += 1
        self.dead = True

    async def aclose(self) -> None:
        self.closed += 1
        self.dead = True


@dataclass
class FragileModel:
    """A reward model that answers one half to whatever it is asked, until it is told to die or to hang."""

    max_model_len: int = 512
    dtype: str = "float32"
    dead: bool = False
    frozen: bool = False
    closed: int = 0

    async def classify(self, inputs: Sequence[Sequence[int]]) -> list[PoolingOutput]:
        await self.ping()
        return [PoolingOutput(((0.5,),), len(ids)) for ids in inputs]

    async def token_classify(self, queries: Sequence[TokenQuery]) -> list[PoolingOutput]:
        await self.ping()
        return [PoolingOutput(((0.5,),) * len(query.positions), len(query.ids)) for query in queries]

    async def logprobs(self, queries: Sequence[TextQuery]) -> list[PoolingOutput]:
        await self.ping()
        return [
            PoolingOutput(((0.5,) * (len(query.ids) - query.start),), len(query.ids)) for query in queries
        ]

    async def token_logits(
        self, queries: Sequence[TokenQuery], token_ids: Sequence[int]
    ) -> list[PoolingOutput]:
        await self.ping()
        return [
            PoolingOutput(((0.5,) * len(token_ids),) * len(query.positions), len(query.ids))
            for query in queries
        ]

    async def check_health(self) -> None:
        if self.dead:
            raise PoolingFailed("it died", "engine_dead")

    async def ping(self) -> None:
        if self.frozen:
            await asyncio.Event().wait()
        await self.check_health()

    def kill(self) -> None:
        self.dead = True

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.close()


@dataclass
class Maker:
    """What a part starts with: counts the starts, blocks or fails as told, and keeps all that it made."""

    make: Callable[[], Inner] = FragileEngine
    made: list[Inner] = field(default_factory=list)
    fails: int = 0
    starts: int = 0
    gate: Callable[[], object] = lambda: None

    def __call__(self) -> Inner:
        self.starts += 1
        if self.starts > 1:
            self.gate()
            if self.fails:
                self.fails -= 1
                raise OSError("no memory")
        self.made.append(self.make())
        return self.made[-1]


@dataclass
class Heard:
    """The events that a part told of."""

    events: list[Event] = field(default_factory=list)

    def __call__(self, name: str, event: Event) -> None:
        self.events.append(event)


def part_of(
    maker: Maker, *, most: int = 3, start_timeout_s: float = 5.0, heartbeat_s: float = 0.02
) -> Supervised[Inner]:
    return Supervised(
        "generator",
        maker,
        EngineFailed,
        Heartbeat(heartbeat_s, HANG_S),
        RestartBudget(most, 600),
        Starter(),
        start_timeout_s,
    )


def is_up(part: Supervised[Any], maker: Maker, starts: int) -> bool:
    """Whether the part can be used, and by which of its lives."""
    return part.state == "up" and maker.starts == starts
