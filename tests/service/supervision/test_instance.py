"""What was asked of a life ends with it, by name, whatever the engine itself does; cancelling stays cancelling."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from service.supervision.instance import Instance
from strategies.base.errors import EngineFailed, InvalidRequest, PromptTooLong, Unsupported


def life_of(suspicions: list[str]) -> Instance[None]:
    return Instance(None, lambda: suspicions.append("suspect"))


def lost() -> EngineFailed:
    return EngineFailed("it hung")


async def test_a_result_is_a_result() -> None:
    life = life_of([])
    assert await life.call(lambda: asyncio.sleep(0, "result")) == "result"


async def test_every_call_in_flight_fails_within_a_moment_and_every_later_one_at_once() -> None:
    life = life_of([])
    calls = [asyncio.create_task(life.call(asyncio.Event().wait)) for _ in range(50)]
    await asyncio.sleep(0)
    life.end(lost)
    results = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 0.5)
    assert all(isinstance(result, EngineFailed) and str(result) == "it hung" for result in results)
    with pytest.raises(EngineFailed, match="it hung"):
        await life.call(asyncio.Event().wait)


async def test_what_the_engine_raises_as_it_goes_is_told_as_the_loss() -> None:
    life = life_of([])

    async def dying() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("broken pipe")

    call = asyncio.create_task(life.call(dying))
    await asyncio.sleep(0)
    life.end(lost)
    with pytest.raises(EngineFailed, match="it hung"):
        await call


async def test_an_error_of_a_living_engine_passes_and_raises_suspicion() -> None:
    suspicions: list[str] = []

    async def fail() -> None:
        raise EngineFailed("no pages left")

    with pytest.raises(EngineFailed, match="no pages left"):
        await life_of(suspicions).call(fail)
    assert suspicions == ["suspect"]


@pytest.mark.parametrize("wrong", [InvalidRequest, Unsupported, PromptTooLong])
async def test_a_request_that_is_wrong_raises_none(wrong: type[InvalidRequest]) -> None:
    suspicions: list[str] = []

    async def refuse() -> None:
        raise wrong("the caller's fault")

    for _ in range(50):
        with pytest.raises(wrong, match="fault"):
            await life_of(suspicions).call(refuse)
    assert suspicions == []


async def test_a_timeout_of_the_caller_is_not_the_loss() -> None:
    suspicions: list[str] = []
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(life_of(suspicions).call(asyncio.Event().wait), 0.01)
    assert suspicions == []


async def test_cancelling_a_call_cancels_it() -> None:
    life = life_of([])
    call = asyncio.create_task(life.call(asyncio.Event().wait))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    life.end(lost)


async def test_items_come_one_by_one_and_stop_at_the_loss() -> None:
    life, more = life_of([]), asyncio.Event()

    async def items() -> AsyncIterator[int]:
        yield 1
        yield 2
        await more.wait()

    coming = life.each(items())
    assert [await anext(coming), await anext(coming)] == [1, 2]
    asyncio.get_running_loop().call_later(0.01, life.end, lost)
    with pytest.raises(EngineFailed, match="it hung"):
        await anext(coming)


async def test_items_end_where_they_end() -> None:
    async def items() -> AsyncIterator[None]:
        yield None
        yield None

    assert [item async for item in life_of([]).each(items())] == [None, None]
