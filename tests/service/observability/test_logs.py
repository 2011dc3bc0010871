"""The log: one line a request, and nothing in it that a caller wrote, also where things go wrong."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.observability.logs import configure_logging, described
from service.reward_models.reward_functions.scripted import Fault
from strategies.base.types import Prompt
from strategies.single import Single
from tests.service.edge.test_authentication import KEYS, SETTINGS, bearer
from tests.service.fixtures import Running, listening, scripted_scorers
from tests.service.routes.asking import ASK, BEST

PROMPT, CANDIDATE = "Zebra-4711", "Okapi-0815"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, at the lowest level."""
    written = io.StringIO()
    root, before = (
        logging.getLogger(),
        {name: logging.getLogger(name).level for name in ("service", "uvicorn")},
    )
    handler = configure_logging("json", "debug", written)
    try:
        yield written
    finally:
        root.removeHandler(handler)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def lines(log: io.StringIO, event: str = "request") -> list[dict[str, Any]]:
    told = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in told if line["event"] == event]


def body(**fields: Any) -> dict[str, Any]:
    return ASK | {"max_tokens": 32, "messages": [{"role": "user", "content": f"Who is {PROMPT}?"}]} | fields


def speaking(prompt: object, index: int) -> str:
    return f"{CANDIDATE} {index}"


async def test_one_line_tells_a_request(log: io.StringIO) -> None:
    async with listening(ScriptedEngine(), settings=SETTINGS) as running, running.client() as http:
        sent = body(strategy=BEST, temperature=0.8)
        reply = await http.post("/v1/chat/completions", json=sent, headers=bearer("alice"))
    (line,) = lines(log)
    usage = reply.json()["usage"]
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("duration_ms") > 0
    assert line.pop("time_ms").keys() == reply.json()["nbest"]["time_ms"].keys()
    assert line.pop("tokens")["completion_tokens"] == usage["completion_tokens"]
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "service.edge.access_log",
        "request_id": reply.headers["x-request-id"],
        "key": "alice",
        "method": "POST",
        "route": "/v1/chat/completions",
        "status": 200,
        "outcome": "ok",
        "strategy": "best_of_n",
    }


async def test_refusals_have_their_line_and_machines_only_at_debug(log: io.StringIO) -> None:
    async with listening(ScriptedEngine(), settings=SETTINGS) as running, running.client() as http:
        await http.get("/health")
        await http.get(f"/{PROMPT}?key={PROMPT}", headers=bearer("bob"))
        await http.post("/v1/chat/completions", json=body())
        await http.post("/v1/chat/completions", json=body(nonsense=PROMPT), headers=bearer("bob"))
    told = [
        (line["level"], line.get("key"), line.get("route"), line["status"], line["outcome"])
        for line in lines(log)
    ]
    assert told == [
        ("debug", None, "/health", 200, "ok"),
        ("info", "bob", None, 404, "refused"),
        ("info", None, None, 401, "refused"),
        ("info", "bob", "/v1/chat/completions", 400, "refused"),
    ]
    assert PROMPT not in log.getvalue()


def broken(prompt: object, index: int) -> str:
    raise ValueError(f"cannot say {CANDIDATE} to {PROMPT}")


@pytest.mark.parametrize(
    ("engine", "fault", "status", "outcome"),
    [
        (ScriptedEngine(script=speaking), None, 200, "ok"),
        (ScriptedEngine(script=speaking), "nan", 503, "ScorerFailed"),
        (ScriptedEngine(script=broken), None, 500, "internal_error"),
    ],
    ids=["well", "scorer", "bug"],
)
async def test_no_prompt_candidate_or_key_is_ever_logged(
    log: io.StringIO, engine: ScriptedEngine, fault: Fault | None, status: int, outcome: str
) -> None:
    scorers = scripted_scorers(fault)
    async with listening(engine, scorers, SETTINGS) as running, running.client() as http:
        for stream in (False, True):
            sent = body(strategy=BEST, temperature=0.8, stream=stream)
            reply = await http.post("/v1/chat/completions", json=sent, headers=bearer("alice"))
            assert reply.status_code == status
    assert [line["outcome"] for line in lines(log)] == [outcome, outcome]
    for secret in (PROMPT, CANDIDATE, KEYS["alice"]):
        assert secret not in log.getvalue()
    if status == 500:
        assert "ValueError" in log.getvalue()
        assert "test_logs.py" in log.getvalue()


async def test_the_task_that_nobody_waited_for_is_not_quoted(log: io.StringIO) -> None:
    asyncio.get_running_loop().call_exception_handler(
        {"message": "Task exception was never retrieved", "exception": ValueError(PROMPT), "future": PROMPT}
    )
    (line,) = lines(log, "Task exception was never retrieved")
    assert line["exception"] == "ValueError"
    assert PROMPT not in log.getvalue()


def test_what_looks_like_a_key_is_struck_out(log: io.StringIO) -> None:
    logging.getLogger("service").warning("it brought %s, and Bearer %s", "nbest-" + "x" * 43, "y" * 20)
    assert [line["event"] for line in map(json.loads, log.getvalue().splitlines())] == [
        "it brought [a key], and [a key]"
    ]


def test_uvicorns_lines_look_like_ours_and_other_libraries_are_heard_from_warning_on(
    log: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "uvicorn.error")
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7, extra={"color_message": "!"})
    logging.getLogger("httpx").info("HTTP Request: GET http://elsewhere")
    (line,) = (json.loads(line) for line in log.getvalue().splitlines())
    assert line.pop("timestamp")
    assert line == {"event": "Started server process [7]", "level": "info", "logger": "uvicorn.error"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("format", "stream", "is_json"),
    [
        ("auto", io.StringIO, True),
        ("auto", Terminal, False),
        ("json", Terminal, True),
        ("console", io.StringIO, False),
    ],
)
def test_people_and_machines(log: io.StringIO, format: Any, stream: type[io.StringIO], is_json: bool) -> None:
    out = stream()
    handler = configure_logging(format, "info", out)
    try:
        logging.getLogger("service").info("request", extra={"fields": {"status": 200}})
    finally:
        logging.getLogger().removeHandler(handler)
    assert log.getvalue() == ""
    assert out.getvalue().startswith("{") == is_json
    assert "200" in out.getvalue()


def test_an_error_is_told_with_its_causes_and_without_their_words() -> None:
    try:
        try:
            broken(None, 0)
        except ValueError as error:
            raise RuntimeError(PROMPT) from error
    except RuntimeError as error:
        told = described(error).splitlines()
    assert [line.split(":")[0] for line in told] == [
        "RuntimeError",
        "  observability/test_logs.py",
        "ValueError",
        "  observability/test_logs.py",
        "  observability/test_logs.py",
    ]
    assert told[-1].endswith(" broken")


async def test_nobody_observing_is_no_error(own: Running) -> None:
    runner = own.app.state.service.runner
    assert (await runner.run(Single(), Prompt(text="x"), route="chat")).outcome.selected
