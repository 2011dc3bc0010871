"""`GET /v1/runs/{id}/events` over a real socket."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.engine.scripted.script import FAIL
from service.protocol.run_events import RunEvent
from service.routes import generation, run_events
from service.state import run_events as kept
from tests.service.edge.test_authentication import SETTINGS, bearer
from tests.service.fixtures import Running, listening, scripted_scorers, until
from tests.service.routes.asking import ASK, BEST, post

SECRET = "Zebra-4711"


def path(id: str) -> str:
    return f"/v1/runs/{id}/events"


def events_in(text: str) -> list[dict[str, Any]]:
    told = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    for event in told:
        RunEvent.model_validate(event)
    return told


async def test_a_run_is_replayed_from_its_beginning_to_its_end() -> None:
    scorers = scripted_scorers(delay_s=0.2)
    async with listening(ScriptedEngine(), scorers) as running, running.client() as http:
        reply = await post(http, strategy=BEST, temperature=0.8)
        id = reply.headers["x-request-id"]
        told = await http.get(path(id))
    assert told.headers["content-type"].startswith("text/event-stream")
    events = events_in(told.text)
    assert [event["type"] for event in events] == ["queued", "sampling", "scoring", "finished"]
    assert {event["id"] for event in events} == {id}
    drawn, last = events[1], events[-1]
    completion_tokens = reply.json()["usage"]["completion_tokens"]
    assert (drawn["done"], drawn["total"], drawn["tokens"]) == (3, 3, completion_tokens)
    assert last["outcome"] == "ok"
    assert last["usage"]["completion_tokens"] == completion_tokens
    assert last["time_ms"].keys() == reply.json()["nbest"]["time_ms"].keys()


async def test_a_stream_says_its_id_before_there_is_text_and_can_be_followed_live(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generation, "HEADERS_S", 0.01)
    monkeypatch.setattr(run_events, "KEEP_ALIVE_S", 0.02)
    engine = ScriptedEngine(script=lambda _, i: "word " * 20 * (i + 1), token_s=0.02)
    body = ASK | {"strategy": BEST, "temperature": 0.8, "stream": True}
    async with (
        listening(engine) as running,
        running.client() as http,
        http.stream("POST", "/v1/chat/completions", json=body) as reply,
    ):
        assert engine.unfinished == 3
        async with http.stream("GET", path(reply.headers["x-request-id"])) as progress:
            lines = progress.aiter_lines()
            while "sampling" not in (first := await anext(lines)):
                pass
            assert json.loads(first[6:])["done"] < 3
            rest = [line async for line in lines]
        await reply.aread()
    assert ": keep-alive" in rest
    events = events_in("\n".join(rest))
    assert events[-1]["type"] == "finished"
    done = [event["done"] for event in events if event["type"] == "sampling"]
    assert done == sorted(done)
    assert done[-1] == 3


async def test_a_failed_run_tells_its_error(own: Running, own_http: httpx.AsyncClient) -> None:
    own.engine.script = lambda prompt, index: FAIL
    reply = await post(own_http)
    assert reply.status_code == 503
    last = events_in((await own_http.get(path(reply.headers["x-request-id"]))).text)[-1]
    assert (last["type"], last["outcome"]) == ("failed", "EngineFailed")
    assert last["error"] == reply.json()["error"]


async def test_a_client_that_leaves_cancels_its_run_and_can_read_that(
    own: Running, own_http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "HEADERS_S", 0.01)
    own.engine.script, own.engine.token_s = (lambda prompt, index: "word " * 1000), 0.05
    body = ASK | {"strategy": BEST, "temperature": 0.8, "stream": True}
    async with own_http.stream("POST", "/v1/chat/completions", json=body) as reply:
        id = reply.headers["x-request-id"]
    await until(lambda: own.engine.unfinished == 0, within_s=20)
    last = events_in((await own_http.get(path(id))).text)[-1]
    assert (last["type"], last["outcome"], last["error"]["code"]) == ("failed", "cancelled", "cancelled")


async def test_scores_and_selections_are_runs_too(own_http: httpx.AsyncClient) -> None:
    asked = {"prompt": "What is 6 times 7?", "texts": ["42 [score=0.5]"]}
    given = {"strategy": {"name": "majority"}, "candidates": [{"text": "42"}, {"text": "43"}]}
    for route, body, types in (
        ("/v1/score", asked, ["queued", "scoring", "finished"]),
        ("/v1/select", given, ["queued", "finished"]),
    ):
        reply = await own_http.post(route, json=body)
        assert reply.status_code == 200
        events = events_in((await own_http.get(path(reply.headers["x-request-id"]))).text)
        assert [event["type"] for event in events if event["type"] != "checking"] == types


async def test_only_the_key_that_asked_can_see_it() -> None:
    async with listening(ScriptedEngine(), settings=SETTINGS) as running, running.client() as http:
        reply = await http.post("/v1/chat/completions", json=ASK, headers=bearer("alice"))
        id = reply.headers["x-request-id"]
        assert (await http.get(path(id), headers=bearer("alice"))).status_code == 200
        others = await http.get(path(id), headers=bearer("bob"))
        unknown = await http.get(path("req_none"), headers=bearer("bob"))
        assert others.status_code == unknown.status_code == 404
        assert others.json()["error"]["code"] == unknown.json()["error"]["code"] == "not_found"
        assert (await http.get(path(id))).status_code == 401


async def test_a_callers_own_id_finds_nothing(own_http: httpx.AsyncClient) -> None:
    theirs = {"x-request-id": "mine-1"}
    reply = await own_http.post("/v1/chat/completions", json=ASK, headers=theirs)
    assert reply.headers["x-client-request-id"] == "mine-1"
    assert (await own_http.get(path("mine-1"))).status_code == 404


async def test_no_text_is_in_any_event(own: Running, own_http: httpx.AsyncClient) -> None:
    own.engine.script = lambda prompt, index: f"{SECRET} says {index}"
    asked = [{"role": "user", "content": f"Who is {SECRET}?"}]
    reply = await post(own_http, messages=asked, strategy={"name": "fusion_of_n", "n": 2}, temperature=0.8)
    assert SECRET in reply.text
    told = (await own_http.get(path(reply.headers["x-request-id"]))).text
    assert '"fusing"' in told
    assert SECRET not in told


async def test_who_reads_too_slowly_to_be_served_is_told_and_left(own: Running) -> None:
    log = own.app.state.service.runs.begin("req_1", "anybody")
    log.tell("queued")
    lines = run_events._lines(log)
    assert b'"queued"' in await anext(lines)
    for i in range(kept.MOST_EVENTS + 1):
        log.tell("scoring" if i % 2 else "sampling")
    assert b'"reader_too_slow"' in await anext(lines)
    with pytest.raises(StopAsyncIteration):
        await anext(lines)


async def test_no_event_is_missed_between_reading_and_waiting() -> None:
    log = kept.RunLog("req_1", "anybody")
    lines = run_events._lines(log)
    coming = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    log.tell("queued")
    log.end("finished")
    assert b'"queued"' in await asyncio.wait_for(coming, 5)
    assert b'"finished"' in await asyncio.wait_for(anext(lines), 5)
    with pytest.raises(StopAsyncIteration):
        await anext(lines)
