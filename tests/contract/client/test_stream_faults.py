"""What both clients make of a stream that is cut, late, broken or left; on real sockets."""

import asyncio

import pytest
from nbest_client import (
    AsyncClient,
    Client,
    ConnectionFailed,
    Delta,
    ServerFailed,
    TryAgain,
)

from tests.contract.client.asking import Kind, stream
from tests.contract.client.faults import (
    COMPLETION,
    CUT,
    DONE,
    END,
    KEEP_ALIVE,
    LONG,
    Step,
    event,
    faulty,
    piece,
    refusal,
    reply,
    streaming,
)

pytestmark = pytest.mark.usefixtures("short_pauses")
BOTH = pytest.mark.parametrize("kind", ["sync", "async"])
OK = reply(COMPLETION)


@BOTH
async def test_events_cut_anywhere_make_the_same_answer(kind: Kind) -> None:
    wire = KEEP_ALIVE + event("vierzig—") + KEEP_ALIVE + event("zwei") + event(nbest=None) + DONE
    where = wire.index("—".encode()) + 1
    pieces: list[Delta] = []
    steps: list[Step] = [streaming()]
    for part in (wire[:5], wire[5:where], wire[where:-9], wire[-9:]):
        whole = piece(part)
        steps += [whole[: len(whole) // 2], 0.03, whole[len(whole) // 2 :], 0.03]
    async with faulty([*steps, piece(b"")]) as server:
        answer = await stream(kind, server.url, pieces)
    assert [p.text for p in pieces] == ["vierzig—", "zwei"]
    assert answer.text == "vierzig—zwei"
    assert answer.request_id == "req_1"


@BOTH
@pytest.mark.parametrize("fault", [[piece(b"")], [END], [CUT], [piece(event("y"))[:9], END]])
async def test_a_stream_that_is_cut_is_an_error_after_its_text(kind: Kind, fault: list[Step]) -> None:
    pieces: list[Delta] = []
    async with faulty([streaming(), piece(event("x")), 0.05, *fault]) as server:
        with pytest.raises(ConnectionFailed):
            await stream(kind, server.url, pieces, max_retries=2)
    assert pieces == [Delta(0, "x")]
    assert len(server.requests) == 1, "text that was handed out must not come twice"


@BOTH
async def test_an_error_in_a_stream_is_raised_after_the_text_before_it(kind: Kind) -> None:
    error = {"message": "no engine", "type": "server_error", "param": None, "code": "engine_failed"}
    wire = event("x") + event(error=error)
    pieces: list[Delta] = []
    async with faulty([streaming(), piece(wire), LONG]) as server:
        with pytest.raises(TryAgain, match="no engine") as caught:
            await stream(kind, server.url, pieces)
        await asyncio.wait_for(server.left.wait(), 20)
    assert pieces == [Delta(0, "x")]
    assert (caught.value.code, caught.value.status) == ("engine_failed", None)
    assert caught.value.request_id == "req_1"


@BOTH
async def test_a_stream_is_asked_for_again_until_it_begins(kind: Kind) -> None:
    busy = refusal(503, "server_is_overloaded", x_should_retry="true", retry_after_ms="5")
    good = [streaming(), piece(event("42") + DONE), piece(b"")]
    async with faulty([busy], [CUT], good) as server:
        assert (await stream(kind, server.url, [], max_retries=2)).text == "42"
    assert len(server.requests) == 3


@BOTH
async def test_a_stream_that_is_none(kind: Kind) -> None:
    async with faulty([OK]) as server:
        with pytest.raises(ServerFailed, match="application/json"):
            await stream(kind, server.url, [])
    async with faulty([streaming(), piece(b"data: {nonsense\n\n")]) as server:
        with pytest.raises(ServerFailed, match="JSON"):
            await stream(kind, server.url, [])


async def test_a_cancelled_reader_of_a_stream_closes_its_connection() -> None:
    async def read(client: AsyncClient, begun: asyncio.Event) -> None:
        async with client.stream("6 times 7?") as streamed:
            async for _ in streamed:
                begun.set()

    begun = asyncio.Event()
    async with (
        faulty([streaming(), piece(event("x")), LONG]) as server,
        AsyncClient(server.url, model="scripted") as client,
    ):
        reading = asyncio.create_task(read(client, begun))
        await begun.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await asyncio.wait_for(server.left.wait(), 20)


async def test_leaving_a_stream_closes_its_connection() -> None:
    def first(url: str) -> str:
        with Client(url, model="scripted") as client, client.stream("6 times 7?") as streamed:
            return next(streamed).text

    endless: list[Step] = [streaming(), piece(event("x")), LONG]
    async with faulty(endless) as server:
        assert await asyncio.to_thread(first, server.url) == "x"
        await asyncio.wait_for(server.left.wait(), 20)
    async with faulty(endless) as server, AsyncClient(server.url, model="scripted") as client:
        async with client.stream("6 times 7?") as streamed:
            assert (await anext(streamed)).text == "x"
            with pytest.raises(RuntimeError, match="not been read to its end"):
                _ = streamed.result
        await asyncio.wait_for(server.left.wait(), 20)
