"""Calls are queued and batched off the loop; every failure of the process is a PoolingFailed with its reason."""

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.group_lock import GroupLock
from service.reward_models.base.errors import PoolingFailed, ScorerLoadError
from service.reward_models.base.language import TextQuery
from service.reward_models.base.model_config import WorkerShape
from service.reward_models.base.ports import TokenQuery
from service.reward_models.checkpoints.verify import open_checkpoint
from service.reward_models.transformers.batching import Item, Kind, Rows, batches
from service.reward_models.transformers.model import TransformersModel
from service.reward_models.transformers.network import Load, Network
from service.reward_models.transformers.start import start_reward_model
from service.reward_models.transformers.worker import WorkerProcess, cores_of
from tests.service.fixtures import until
from tests.service.reward_models import tiny


@dataclass
class FakeWorker:
    """Answers with the last id at each position, after `waits_s`, and remembers the batches."""

    waits_s: float = 0.0
    fails: Exception | None = None
    short: bool = False
    is_alive: bool = True
    asked: list[list[Item]] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def ask(self, items: Sequence[Item]) -> list[Rows]:
        self.asked.append(list(items))
        self.threads.add(threading.get_ident())
        time.sleep(self.waits_s)
        if self.fails:
            raise self.fails
        rows = [[[float(item.ids[at])] for at in item.positions or (-1,)] for item in items]
        return rows[:-1] if self.short else rows

    def kill(self) -> None:
        self.is_alive = False

    def close(self) -> None:
        self.kill()


def model_of(worker: FakeWorker, **options: int) -> TransformersModel:
    return TransformersModel(worker, GroupLock(), **{"max_model_len": 100, **options})  # type: ignore[arg-type]  # all ints


items = st.lists(
    st.builds(
        Item,
        st.sampled_from(["rows", "text"]).map(lambda kind: kind),
        st.lists(st.just(1), min_size=1, max_size=40),
    ),
    max_size=30,
)


@given(items, st.integers(1, 100))
def test_batches_hold_each_item_once_fit_the_budget_and_mix_no_kinds(asked: list[Item], most: int) -> None:
    made = list(batches(asked, most))
    assert sorted(i for batch in made for i in batch) == list(range(len(asked)))
    for batch in made:
        lengths = [len(asked[i].ids) for i in batch]
        kinds: set[Kind] = {asked[i].kind for i in batch}
        assert len(kinds) == 1
        assert lengths == sorted(lengths, reverse=True)
        assert len(batch) == 1 or lengths[0] * len(batch) <= most


async def test_what_is_asked_while_a_batch_is_read_is_read_together_and_the_loop_stays_free() -> None:
    worker = FakeWorker(waits_s=0.1)
    model = model_of(worker)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    first = asyncio.create_task(model.classify([[5]]))
    await asyncio.sleep(0.03)
    others = [asyncio.create_task(model.classify([[n, n]])) for n in range(6, 9)]
    assert (await first)[0].rows == ((5.0,),)
    assert [(await other)[0].rows[0][0] for other in others] == [6.0, 7.0, 8.0]
    ticking.cancel()
    assert [len(batch) for batch in worker.asked] == [1, 3]
    assert threading.get_ident() not in worker.threads
    assert ticks > 5


async def test_a_cancelled_call_is_left_out_of_the_batches_to_come() -> None:
    worker = FakeWorker(waits_s=0.05)
    model = model_of(worker, max_batch_tokens=1)
    first = asyncio.create_task(model.classify([[1]]))
    await asyncio.sleep(0.01)
    gone = asyncio.create_task(model.classify([[2], [3]]))
    stays = asyncio.create_task(model.classify([[4]]))
    await asyncio.sleep(0.01)
    gone.cancel()
    await asyncio.gather(first, stays)
    assert [item.ids for batch in worker.asked for item in batch] == [[1], [4]]


async def test_a_short_answer_fails_the_calls_that_were_read_together_and_none_after() -> None:
    worker = FakeWorker(short=True)
    model = model_of(worker)
    with pytest.raises(PoolingFailed) as failure:
        await model.classify([[1], [2]])
    assert failure.value.reason == "error"
    worker.short = False
    assert (await model.classify([[3]]))[0].rows == ((3.0,),)


@pytest.mark.parametrize(
    ("worker", "reason"),
    [
        (FakeWorker(fails=PoolingFailed("gone", "engine_dead")), "engine_dead"),
        (FakeWorker(fails=RuntimeError("odd")), "error"),
        (FakeWorker(is_alive=False), "engine_dead"),
    ],
)
async def test_a_failure_of_the_process_is_a_failure_of_the_call(worker: FakeWorker, reason: str) -> None:
    with pytest.raises(PoolingFailed) as failure:
        await model_of(worker).token_classify([TokenQuery([1, 2], [0])])
    assert failure.value.reason == reason


async def test_an_input_that_is_too_long_is_refused_before_anything_is_read() -> None:
    worker = FakeWorker()
    with pytest.raises(PoolingFailed, match="101 tokens to read, and it reads at most 100") as failure:
        await model_of(worker).classify([[1], [1] * 101])
    assert failure.value.reason == "too_long"
    assert not worker.asked


async def test_nothing_asked_is_nothing_read() -> None:
    worker = FakeWorker()
    assert await model_of(worker).classify([]) == []
    assert not worker.asked


def test_cores_are_read_as_ranges_and_numbers() -> None:
    assert cores_of("0-2,5") == {0, 1, 2, 5}


async def test_a_sign_of_life_is_the_batch_at_work_or_an_empty_one() -> None:
    model = model_of(worker := FakeWorker(waits_s=0.05))
    await model.ping()
    assert worker.asked == [[]]
    reading = asyncio.create_task(model.classify([[1, 2]]))
    await until(lambda: len(worker.asked) == 2)
    await model.ping()
    await reading
    assert len(worker.asked) == 2
    worker.is_alive = False
    with pytest.raises(PoolingFailed):
        await model.ping()
    worker.is_alive = True
    worker.fails = PoolingFailed("its process is gone", "engine_dead")
    with pytest.raises(PoolingFailed):
        await model.ping()


async def test_a_process_scores_tells_its_length_and_is_dead_when_killed(tmp_path: Path) -> None:
    made = tiny.sequence_classifier("Llama", tmp_path)
    model = start_reward_model(WorkerShape(max_model_len=64), open_checkpoint(str(tmp_path)), GroupLock())
    try:
        assert (model.max_model_len, model.dtype) == (64, "float32")
        await model.check_health()
        await model.ping()
        inputs = [[1, 20, 30], list(range(1, 40))]
        for ids, reading in zip(inputs, await model.classify(inputs), strict=True):
            assert reading.rows[0] == pytest.approx(made.row(ids), abs=1e-4)
            assert reading.tokens == len(ids)
        with pytest.raises(PoolingFailed, match=r"it failed \(IndexError") as failure:
            await model.token_classify([TokenQuery([1, 2], [7])])
        assert failure.value.reason == "error"
        # It goes on after an input that it could not read, and not after it was killed.
        assert len(await model.classify([[1, 2]])) == 1
        reading_ = asyncio.create_task(model.classify([[i % 90 + 9] * 64 for i in range(4000)]))
        await asyncio.sleep(0.05)
        model._worker.process.kill()  # type: ignore[attr-defined]  # the real one
        with pytest.raises(PoolingFailed) as death:
            await reading_
        assert death.value.reason == "engine_dead"
        with pytest.raises(PoolingFailed):
            await model.check_health()
    finally:
        model.close()
        model.close()


@dataclass
class NetworkHere:
    """A worker whose network computes in this process, which starts sooner than another."""

    network: Network
    is_alive: bool = True

    def ask(self, items: Sequence[Item]) -> list[Rows]:
        return self.network.answer(items)

    def kill(self) -> None:
        self.is_alive = False

    def close(self) -> None:
        self.kill()


async def test_a_language_model_tells_log_probabilities_and_logits(tmp_path: Path) -> None:
    made = tiny.language_model(tmp_path)
    model = TransformersModel(NetworkHere(Network(Load(made.folder, None))), GroupLock(), max_model_len=512)
    ids = made.chat_ids("one?", "two")
    (reading,) = await model.logprobs([TextQuery(ids, 3)])
    assert reading.rows[0] == pytest.approx(made.row(ids)[2:], abs=1e-4)
    (logits,) = await model.token_logits([TokenQuery(ids, [4, 9])], [30, 31])
    assert [len(row) for row in logits.rows] == [2, 2]


def test_a_model_that_does_not_load_says_why_and_leaves_no_process(tmp_path: Path) -> None:
    import multiprocessing

    before = set(multiprocessing.active_children())
    with pytest.raises(ScorerLoadError, match=r"OSError|ValueError"):
        WorkerProcess.start(Load(tmp_path, None))
    assert set(multiprocessing.active_children()) == before
