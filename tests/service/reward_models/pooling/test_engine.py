"""The pooling engine against an encoder that behaves, and misbehaves, like vLLM's."""

import asyncio

import pytest

from service.engine.group_lock import GroupLock
from service.reward_models.base.errors import PoolingFailed
from service.reward_models.base.ports import TokenQuery
from tests.service.reward_models.fakes import FakeEncoder, fake_engine, row_of

IDS = list(range(1, 19))


async def test_classify_gives_the_row_of_the_last_token_in_order() -> None:
    readings = await fake_engine(FakeEncoder()).classify([IDS, IDS[:5]])
    assert [reading.rows for reading in readings] == [(tuple(row_of(IDS)),), (tuple(row_of(IDS[:5])),)]
    assert [reading.tokens for reading in readings] == [18, 5]


async def test_rows_come_in_order_and_only_where_asked() -> None:
    (reading,) = await fake_engine(FakeEncoder()).token_classify([TokenQuery(IDS, [2, 2, 9])])
    assert reading.rows == tuple(tuple(row_of(IDS[:end])) for end in (3, 3, 10))
    assert (reading.tokens, reading.cached) == (18, 0)


async def test_rows_in_the_uncached_suffix_cost_one_reading() -> None:
    encoder = FakeEncoder()
    engine = fake_engine(encoder)
    await engine.classify([IDS])
    (reading,) = await engine.token_classify([TokenQuery([*IDS, 7, 8], [18, 19])])
    assert reading.rows == (tuple(row_of([*IDS, 7])), tuple(row_of([*IDS, 7, 8])))
    assert (reading.tokens, reading.cached) == (20, 16)
    assert encoder.asked[1:] == [("token_classify", True, 20)]


async def test_a_row_in_the_cached_part_is_read_again_without_the_cache() -> None:
    encoder = FakeEncoder()
    engine = fake_engine(encoder)
    await engine.classify([IDS])
    (reading,) = await engine.token_classify([TokenQuery(IDS, [3, 17])])
    assert reading.rows == (tuple(row_of(IDS[:4])), tuple(row_of(IDS)))
    assert (reading.tokens, reading.cached) == (36, 16)
    assert encoder.asked[1:] == [("token_classify", True, 18), ("token_classify", False, 18)]


async def test_all_inputs_are_submitted_at_once() -> None:
    encoder = FakeEncoder(waits_s=0.01)
    await fake_engine(encoder).classify([IDS[:end] for end in range(1, 10)])
    assert encoder.most_running == 9


@pytest.mark.parametrize(
    ("encoder", "reason"),
    [
        (FakeEncoder(errored=True), "engine_dead"),
        (FakeEncoder(fails=RuntimeError("no")), "error"),
        (FakeEncoder(aborts=True), "aborted"),
        (FakeEncoder(short=True), "error"),
    ],
    ids=["engine_dead", "fails", "aborted", "short"],
)
async def test_every_failure_has_its_reason(encoder: FakeEncoder, reason: str) -> None:
    with pytest.raises(PoolingFailed) as failure:
        await fake_engine(encoder).token_classify([TokenQuery(IDS, [3])])
    assert failure.value.reason == reason


async def test_an_aborted_classification_is_a_failure() -> None:
    with pytest.raises(PoolingFailed, match="aborted"):
        await fake_engine(FakeEncoder(aborts=True)).classify([IDS])


async def test_rows_that_are_not_the_uncached_suffix_are_a_failure() -> None:
    encoder = FakeEncoder()
    engine = fake_engine(encoder)
    await engine.classify([IDS])
    encoder.lies = True
    with pytest.raises(PoolingFailed, match="18 rows for 18 tokens, 16 of them cached"):
        await engine.token_classify([TokenQuery(IDS, [17])])


async def test_an_engine_that_dies_in_a_reading_is_dead() -> None:
    encoder = FakeEncoder(waits_s=0.01, fails=RuntimeError("gone"))
    reading = asyncio.create_task(fake_engine(encoder).classify([IDS]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    encoder.errored = True
    with pytest.raises(PoolingFailed) as failure:
        await reading
    assert failure.value.reason == "engine_dead"


async def test_too_long_an_input_is_refused_before_anything_is_submitted() -> None:
    encoder = FakeEncoder()
    engine = fake_engine(encoder, max_model_len=17)
    for call in (engine.classify([IDS[:17], IDS]), engine.token_classify([TokenQuery(IDS, [0])])):
        with pytest.raises(PoolingFailed, match="18 tokens to read, and it reads at most 17") as failure:
            await call
        assert failure.value.reason == "too_long"
    assert not encoder.asked
    await engine.classify([IDS[:17]])


async def test_a_failure_ends_the_other_readings_and_gives_the_turn_back() -> None:
    lock = GroupLock()
    encoder = FakeEncoder(waits_s=0.01, short=True)
    with pytest.raises(PoolingFailed):
        await fake_engine(encoder, lock).token_classify([TokenQuery(IDS, [3]), TokenQuery(IDS[:9], [3])])
    assert encoder.running == 0
    async with asyncio.timeout(1), lock.take("generate"):
        pass


async def test_cancelling_ends_every_reading_and_gives_the_turn_back() -> None:
    lock = GroupLock()
    encoder = FakeEncoder(waits_s=60)
    reading = asyncio.create_task(fake_engine(encoder, lock).classify([IDS, IDS[:3]]))
    await asyncio.sleep(0.01)
    assert encoder.running == 2
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert encoder.running == 0
    async with asyncio.timeout(1), lock.take("generate"):
        pass


async def test_a_reading_waits_while_the_generator_has_its_turn() -> None:
    lock = GroupLock()
    encoder = FakeEncoder()
    async with lock.take("generate"):
        reading = asyncio.create_task(fake_engine(encoder, lock).classify([IDS]))
        await asyncio.sleep(0.01)
        assert not encoder.asked
    assert len(await reading) == 1


async def test_no_input_takes_no_turn() -> None:
    lock = GroupLock()
    async with lock.take("generate"), asyncio.timeout(1):
        assert await fake_engine(FakeEncoder(), lock).classify([]) == []


async def test_a_closed_engine_is_dead_and_closing_twice_is_safe() -> None:
    encoder = FakeEncoder()
    engine = fake_engine(encoder)
    await engine.check_health()
    await engine.aclose()
    engine.close()
    assert encoder.shutdowns == 1
    with pytest.raises(PoolingFailed, match="gone"):
        await engine.check_health()
    with pytest.raises(PoolingFailed, match="gone"):
        await engine.classify([IDS])
