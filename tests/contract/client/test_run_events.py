"""The progress of a request through the client, over a real socket, and what breaks on the way."""

import asyncio
import json
from typing import Any

import pytest
from nbest_client import (
    AsyncClient,
    BestOfN,
    Client,
    ConnectionFailed,
    NotFound,
    RunEvent,
    ServerFailed,
    TryAgain,
)
from nbest_client import _requests as requests

from service.protocol.run_events import RunEvent as Served
from tests.contract.client import schemas
from tests.contract.client.faults import END, Step, faulty
from tests.service.fixtures import Running

QUESTION = "What is 6 times 7?"
EVENT: dict[str, Any] = {"object": "run.event", "id": "req_1", "seq": 1, "type": "queued", "at_ms": 0.5}


async def test_progress_is_read_to_the_end_and_every_word_is_typed(shared: Running) -> None:
    async with (
        AsyncClient(shared.url, max_retries=0) as client,
        client.stream(QUESTION, strategy=BestOfN(n=3), temperature=0.8) as stream,
    ):
        assert stream.request_id
        async with client.run_events(stream.request_id) as events:
            told = [event async for event in events]
        async for _ in stream:
            pass
    assert [event.type for event in told if event.type != "scoring"] == ["queued", "sampling", "finished"]
    assert all(not event.model_extra for event in told)
    assert (told[1].done, told[1].total) == (3, 3)
    assert told[-1].is_last
    assert told[-1].usage is not None
    assert stream.result.usage is not None
    assert told[-1].usage["completion_tokens"] == stream.result.usage.completion_tokens


async def test_the_client_that_waits(shared: Running) -> None:
    def ask() -> list[str]:
        with Client(shared.url, max_retries=0) as client:
            answer = client.generate(QUESTION)
            with client.stream(QUESTION) as stream:
                assert (stream.request_id or "").startswith("req_")
            with client.run_events(answer.request_id or "") as events:
                return [event.type for event in events]

    assert await asyncio.to_thread(ask) == ["queued", "sampling", "finished"]


async def test_an_unknown_request_is_not_found(shared: Running) -> None:
    async with AsyncClient(shared.url, max_retries=0) as client:
        with pytest.raises(NotFound, match="req_none") as caught:
            async with client.run_events("req_none"):
                pass
    assert caught.value.param == "id"


async def test_an_events_fields_are_the_servers(shared: Running) -> None:
    assert RunEvent.model_fields.keys() == Served.model_fields.keys()
    async with shared.client() as http:
        document = (await http.get("/openapi.json")).json()
    content = document["paths"]["/v1/runs/{id}/events"]["get"]["responses"]["200"]["content"]
    schema = schemas.resolved(
        {**content["text/event-stream"]["schema"], "components": document["components"]}
    )
    assert schema["properties"].keys() == RunEvent.model_fields.keys()


def test_an_id_cannot_leave_its_place_in_the_address() -> None:
    assert requests.run_events("../models?x#y").path == "/v1/runs/..%2Fmodels%3Fx%23y/events"


def line(told: object) -> bytes:
    return b"data: " + json.dumps(told).encode() + b"\n\n"


TOO_SLOW = {"error": {"message": "slow", "type": "server_error", "param": None, "code": "reader_too_slow"}}


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (line(EVENT), ConnectionFailed),
        (line(EVENT) + b"data: [1]\n\n", ServerFailed),
        (line(EVENT) + line(TOO_SLOW), TryAgain),
        (line(EVENT | {"seq": "many"}), ServerFailed),
    ],
    ids=["cut", "no object", "too slow", "wrong"],
)
async def test_what_breaks_on_the_way_is_an_error_of_ours(sent: bytes, error: type[Exception]) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    reply: list[Step] = [head + sent, END]
    async with faulty(reply) as server, AsyncClient(server.url, max_retries=0) as client:
        with pytest.raises(error):
            await first_two(client)


async def first_two(client: AsyncClient) -> None:
    async with client.run_events("req_1") as events:
        assert (await anext(events)).type == "queued"
        await anext(events)
