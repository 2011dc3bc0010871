"""The real engine killed, and stopped, under load: who waits is told within a second, and another one takes over."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.embedded.build import build
from service.engine.group_lock import GroupLock
from service.engine.host.process_tree import ProcessTree, children
from service.engine.settings import EngineSettings
from service.engine.vllm.engine import VllmEngine
from service.observability.metrics import Metrics
from service.reward_models.base.errors import PoolingFailed
from service.reward_models.base.model_config import PoolingEngineConfig, WorkerShape
from service.reward_models.checkpoints.verify import open_checkpoint
from service.reward_models.pooling.engine import PoolingEngine
from service.reward_models.transformers.model import TransformersModel
from service.reward_models.transformers.worker import WorkerProcess
from service.supervision.engine import SupervisedEngine
from service.supervision.reward_model import SupervisedModel
from service.supervision.settings import SupervisionSettings
from service.supervision.starters import supervised_starters
from service.supervision.supervisor import Supervisor
from strategies.base.errors import EngineFailed
from strategies.base.types import Decoding, Prompt
from tests.service.fixtures import until
from tests.service.reward_models import tiny

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(500),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

HANG_S = 5.0
TOLD_S = 1.0
# The promise is 60 s on two cores of its own; a busy machine gets more, and what it took is printed.
READY_S = 240.0
DRAWS = 8
PROMPT = Prompt(text="On and on", decoding=Decoding(max_tokens=200, ignore_eos=True))


@dataclass
class Supervised:
    """An engine that is watched over, and the processes that belong to it now."""

    supervision: Supervisor
    engine: SupervisedEngine
    metrics: Metrics

    @property
    def family(self) -> ProcessTree:
        inner = self.engine.inner
        assert isinstance(inner, VllmEngine)
        return inner._processes

    @property
    def core(self) -> int:
        pid = self.family.children[0].pid
        assert pid is not None
        return pid

    @property
    def restarts(self) -> float | None:
        return self.metrics.registry.get_sample_value(
            "nbest_engine_restarts_total", {"part": self.engine.part.name}
        )

    async def up_again(self, restarts: int) -> float:
        """Seconds until it can be used again."""
        begun = time.monotonic()
        await until(lambda: self.restarts == restarts and self.engine.part.state == "up", READY_S)
        return time.monotonic() - begun


@asynccontextmanager
async def supervised(model: Path) -> AsyncIterator[Supervised]:
    supervision = Supervisor(SupervisionSettings(heartbeat_s=0.5, hang_timeout_s=HANG_S, max_restarts=9))
    # An engine that counts would take the counters of the suite's generator out of the registry.
    quiet = {"disable_log_stats": True}
    settings = EngineSettings(max_model_len=256, max_num_seqs=DRAWS, kv_cache_mib=64, engine_args=quiet)
    lock = GroupLock()
    engine = supervision.engine("generator", lambda: VllmEngine.start(settings, str(model), "tiny", lock))
    metrics = Metrics()
    supervision.watch(metrics)
    try:
        yield Supervised(supervision, engine, metrics)
    finally:
        await supervision.aclose()
        await engine.aclose()


@pytest.fixture(scope="module")
async def running(tiny_generator: Path) -> AsyncIterator[Supervised]:
    async with supervised(tiny_generator) as made:
        yield made


async def draw(engine: SupervisedEngine, n: int = 1) -> list[int]:
    async with engine.sample(PROMPT, n) as stream:
        return [candidate.tokens async for candidate in stream]


async def draw_until_it_fails(engine: SupervisedEngine) -> tuple[float, str]:
    try:
        while True:
            await draw(engine)
    except EngineFailed as error:
        return time.monotonic(), str(error)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_lost_core_fails_what_is_in_flight_at_once_and_is_replaced(
    running: Supervised, number: signal.Signals
) -> None:
    before = running.restarts or 0
    family = running.family
    others = children() - set(family.children)  # engines of other tests live as long as the run
    load = [asyncio.create_task(draw_until_it_fails(running.engine)) for _ in range(DRAWS)]
    await asyncio.sleep(0.5)
    os.kill(running.core, number)
    begun = time.monotonic()
    failed = await asyncio.wait_for(asyncio.gather(*load), HANG_S + 5)
    detection_s = HANG_S + 1 if number == signal.SIGSTOP else 0
    assert max(at for at, _ in failed) - begun < detection_s + TOLD_S
    await until(lambda: running.engine.part.state == "restarting", TOLD_S)
    with pytest.raises(EngineFailed, match="being started again"):
        await running.engine.check_health()
    took = await running.up_again(int(before) + 1)
    print(f"{number.name}: told after {max(at for at, _ in failed) - begun:.2f} s, up after {took:.1f} s")
    assert not family.alive
    assert await draw(running.engine, 2) == [200, 200]
    assert children() - others == set(running.family.children)


async def test_a_lost_worker_is_a_lost_engine(running: Supervised) -> None:
    before = running.restarts or 0
    worker = next(iter(running.family.below)).pid
    load = asyncio.create_task(draw_until_it_fails(running.engine))
    await asyncio.sleep(0.5)
    os.kill(worker, signal.SIGKILL)
    begun = time.monotonic()
    at, _ = await asyncio.wait_for(load, HANG_S + 5)
    assert at - begun < 2 * TOLD_S
    await running.up_again(int(before) + 1)
    assert await draw(running.engine) == [200]


async def test_saturation_is_no_hang(running: Supervised) -> None:
    before = running.restarts
    for _ in range(2):
        assert await draw(running.engine, 8 * DRAWS) == [200] * (8 * DRAWS)
    assert running.restarts == before


async def test_stopping_in_the_middle_of_a_restart_leaves_no_process(tiny_generator: Path) -> None:
    others = children()
    async with supervised(tiny_generator) as made:
        first = made.family
        first.kill()
        # Until the new one has processes of its own.
        await until(lambda: children() - others - set(first.children), READY_S)
        begun = time.monotonic()
    assert time.monotonic() - begun < 20
    assert children() == others
    assert not first.alive


async def test_a_stopped_process_of_transformers_fails_as_dead_and_scores_the_same_afterwards(
    tmp_path: Path,
) -> None:
    supervision = Supervisor(SupervisionSettings(heartbeat_s=0.5, hang_timeout_s=HANG_S))
    made = tiny.sequence_classifier("Llama", tmp_path)
    start = supervised_starters(supervision).transformers_rows
    model = start(WorkerShape(max_model_len=64), open_checkpoint(str(tmp_path), "transformers"), GroupLock())
    assert isinstance(model, SupervisedModel)
    supervision.watch(Metrics())
    try:
        ids = list(range(1, 40))
        assert (await model.classify([ids]))[0].rows[0] == pytest.approx(made.row(ids), abs=1e-4)
        inner = model.part.life.inner
        assert isinstance(inner, TransformersModel)
        assert isinstance(inner._worker, WorkerProcess)
        pid = inner._worker.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(PoolingFailed, match="hung") as failure:
            await model.classify([ids])
        assert failure.value.reason == "engine_dead"
        await until(lambda: model.part.state == "up" and model.part.life.inner is not inner, READY_S)
        assert (await model.classify([ids]))[0].rows[0] == pytest.approx(made.row(ids), abs=1e-4)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    finally:
        await supervision.aclose()
        await model.aclose()


async def test_a_stopped_reward_model_fails_as_dead_and_scores_the_same_afterwards() -> None:
    supervision = Supervisor(SupervisionSettings(heartbeat_s=0.5, hang_timeout_s=HANG_S))
    reward, lock = build().reward, GroupLock()
    shape = PoolingEngineConfig(max_model_len=256, max_num_seqs=8, kv_cache_mib=64)
    model = supervision.model("reward model", lambda: PoolingEngine.start(shape, reward, lock))
    supervision.watch(Metrics())
    try:
        inputs = [list(range(100, 120)), list(range(200, 240))]
        rows = [reading.rows for reading in await model.classify(inputs)]
        inner = model.part.life.inner
        assert isinstance(inner, PoolingEngine)
        core = inner._processes.children[0].pid
        assert core is not None
        os.kill(core, signal.SIGSTOP)
        begun = time.monotonic()
        with pytest.raises(PoolingFailed, match="hung") as failure:
            await model.classify(inputs)
        assert time.monotonic() - begun < HANG_S + 1 + TOLD_S
        assert failure.value.reason == "engine_dead"
        await until(lambda: model.part.state == "up" and model.part.life.inner is not inner, READY_S)
        for (before,), reading in zip(rows, await model.classify(inputs), strict=True):
            assert reading.rows[0] == pytest.approx(before, abs=1e-4)
    finally:
        await supervision.aclose()
        await model.aclose()
