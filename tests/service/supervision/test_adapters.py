"""The ports that routes and scorers hold stay the same objects while what is behind them is replaced."""

import asyncio
import contextlib
import dataclasses
import threading
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from service.engine.group_lock import GroupLock
from service.observability.metrics import Metrics
from service.reward_models.base.builder import ModelStarters
from service.reward_models.base.errors import PoolingFailed
from service.reward_models.base.language import TextQuery
from service.reward_models.base.ports import PoolingOutput, TokenQuery
from service.supervision.engine import SupervisedEngine
from service.supervision.settings import SupervisionSettings
from service.supervision.starters import supervised_starters
from service.supervision.supervisor import Supervisor
from strategies.base.errors import EngineFailed
from strategies.base.types import Decoding, Message, Prompt
from tests.service.fixtures import until
from tests.service.supervision.fakes import HANG_S, FragileEngine, FragileModel, Maker, is_up

PROMPT = Prompt((Message("user", "1 + 1?"),), decoding=Decoding(temperature=1))
SETTINGS = SupervisionSettings(heartbeat_s=0.02, hang_timeout_s=HANG_S, max_restarts=2)


@contextlib.asynccontextmanager
async def watching(supervision: Supervisor) -> AsyncIterator[Metrics]:
    metrics = Metrics()
    supervision.watch(metrics)
    try:
        yield metrics
    finally:
        await supervision.aclose()


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"nbest_{name}", labels)


def fragile(maker: Maker) -> tuple[Supervisor, SupervisedEngine]:
    supervision = Supervisor(SETTINGS)
    return supervision, supervision.engine("generator", maker)  # type: ignore[arg-type]


async def draw(engine: SupervisedEngine, n: int = 2) -> list[str]:
    async with engine.sample(PROMPT, n) as stream:
        return [candidate.text async for candidate in stream]


async def test_an_engine_behind_its_port_draws_as_without() -> None:
    _, engine = fragile(Maker())
    async with FragileEngine().sample(PROMPT, 3) as stream:
        bare = [candidate.text async for candidate in stream]
    assert await draw(engine, 3) == bare
    assert engine.info == FragileEngine().info
    async with engine.open(PROMPT, 2) as live:
        await live[0].advance(3)
        twin = await live[0].fork(7)
        assert (live[0].tokens, twin.tokens, twin.index, live[1].tokens) == (3, 3, 7, 0)
        assert twin.candidate().text == live[0].text
        assert live[0].finish_reason is None
    assert live[0].finish_reason == "abort"


async def test_leaving_a_draw_still_aborts_what_runs() -> None:
    maker = Maker(make=lambda: FragileEngine(token_s=0.01))
    _, engine = fragile(maker)
    async with engine.sample(PROMPT, 4):
        await until(lambda: engine.inner.unfinished == 4)  # type: ignore[attr-defined]
    assert engine.inner.unfinished == 0  # type: ignore[attr-defined]


async def test_a_draw_that_hangs_fails_and_the_next_is_served_by_another_engine() -> None:
    gate = threading.Event()
    maker = Maker(gate=lambda: gate.wait(10))
    supervision, engine = fragile(maker)
    async with watching(supervision) as metrics:
        assert sample(metrics, "engine_up") == 1
        assert sample(metrics, "engine_restarts_total", part="generator") == 0
        first = engine.inner
        assert isinstance(first, FragileEngine)
        first.freeze()
        with pytest.raises(EngineFailed, match="hung"):
            await draw(engine)
        assert sample(metrics, "engine_up") == 0
        gate.set()
        await until(lambda: sample(metrics, "engine_up") == 1, within_s=2)
        assert sample(metrics, "engine_restarts_total", part="generator") == 1
        assert engine.inner is not first
        assert first.unfinished == 0
        assert len(await draw(engine)) == 2
        await engine.check_health()


async def test_a_live_candidate_does_not_outlive_its_engine() -> None:
    maker = Maker()
    supervision, engine = fragile(maker)
    async with watching(supervision):
        async with engine.open(PROMPT, 1) as (live,):
            await live.advance(2)
            engine.inner.kill()
            await until(lambda: maker.starts == 2 and engine.part.state == "up", within_s=2)
            with pytest.raises(EngineFailed, match="died"):
                await live.advance(2)
            with pytest.raises(EngineFailed, match="died"):
                await live.fork(1)
            assert live.candidate().tokens == 2
        assert live.finish_reason == "abort"


async def test_a_reward_model_that_dies_or_hangs_is_replaced_and_fails_as_dead() -> None:
    supervision = Supervisor(SETTINGS)
    maker: Any = Maker(make=FragileModel)
    pooling = supervision.model("reward model tiny", maker)
    assert (pooling.max_model_len, pooling.dtype) == (512, "float32")
    async with watching(supervision) as metrics:
        for starts, fault in ((2, "dead"), (3, "frozen")):
            assert [r.tokens for r in await pooling.classify([[1, 2], [3]])] == [2, 1]
            setattr(maker.made[-1], fault, True)
            with pytest.raises(PoolingFailed, match=r"died|hung") as failure:
                await pooling.token_classify([TokenQuery([1, 2], [0])])
            assert failure.value.reason == "engine_dead"
            await until(partial(is_up, pooling.part, maker, starts), within_s=2)
        assert sample(metrics, "engine_restarts_total", part="reward model tiny") == 2
        await pooling.check_health()
    await pooling.aclose()


STARTS = [field.name for field in dataclasses.fields(ModelStarters)]


@pytest.mark.parametrize("kind", STARTS)
async def test_a_reward_model_of_every_kind_is_watched(kind: str) -> None:
    """Under its folder's name, and asked whatever it can be asked."""
    supervision = Supervisor(SETTINGS)
    maker: Any = Maker(make=FragileModel)
    plain = ModelStarters(**{name: lambda shape, checkpoint, lock: maker() for name in STARTS})
    model = getattr(supervised_starters(supervision, plain), kind)("shape", Path("models/tiny"), GroupLock())
    async with watching(supervision) as metrics:
        assert await model.logprobs([TextQuery([1, 2, 3], 1)]) == [PoolingOutput(((0.5, 0.5),), 3)]
        assert await model.token_logits([TokenQuery([1, 2], [0])], [7]) == [PoolingOutput(((0.5,),), 2)]
        maker.made[0].kill()
        await until(partial(is_up, model.part, maker, 2), within_s=2)
        assert await model.classify([[1]]) == [PoolingOutput(((0.5,),), 1)]
        assert sample(metrics, "engine_restarts_total", part="reward model tiny") == 1
    await model.aclose()


async def test_a_budget_that_is_spent_is_told_once_and_health_stays_red() -> None:
    told: list[bool] = []
    maker = Maker()
    supervision, engine = fragile(maker)
    supervision.on_exhausted = lambda: told.append(supervision.exhausted)
    async with watching(supervision) as metrics:
        for starts in (1, 2, 3):
            await until(partial(is_up, engine.part, maker, starts))
            engine.inner.kill()
        await until(lambda: told)
        assert told == [True]
        assert sample(metrics, "engine_up") == 0
        with pytest.raises(EngineFailed, match="failed too often"):
            await draw(engine)


async def test_closing_during_a_restart_stops_what_it_brings() -> None:
    gate = threading.Event()
    maker = Maker(gate=lambda: gate.wait(10))
    supervision, engine = fragile(maker)
    async with watching(supervision):
        engine.inner.kill()
        await until(lambda: maker.starts == 2)
        asyncio.get_running_loop().call_later(0.1, gate.set)
    await engine.aclose()
    assert [made.closed for made in maker.made] == [2, 1]  # type: ignore[attr-defined]
    with pytest.raises(EngineFailed, match="closed"):
        await engine.check_health()
