"""What a request gets at its deadline, over a real socket: the best so far, or an error, as it asked."""

import time
from typing import Any

import pytest

from service.engine.scripted.engine import ScriptedEngine
from tests.service.fixtures import listening, until
from tests.service.routes.asking import events, post

DEADLINE_S = 0.3
GRACE_S = 1.0
"""How long after the deadline the reply may come on a busy machine; `make chaos` holds it to half of that."""


def slow() -> ScriptedEngine:
    """Each candidate would take two seconds."""
    return ScriptedEngine(script=lambda prompt, index: "word " * 100, token_s=0.02)


def strategy(name: str, on_deadline: str) -> dict[str, Any]:
    return {"name": name, "budget": {"deadline_ms": int(DEADLINE_S * 1000), "on_deadline": on_deadline}}


@pytest.mark.parametrize("name", ["single", "best_of_n", "majority", "early_rejection", "fusion_of_n"])
@pytest.mark.parametrize(("on_deadline", "status"), [("best_so_far", 200), ("error", 504)])
async def test_a_whole_reply_is_what_was_asked_for_and_in_time(
    name: str, on_deadline: str, status: int
) -> None:
    async with listening(engine := slow()) as running, running.client() as http:
        begun = time.monotonic()
        reply = await post(http, strategy=strategy(name, on_deadline))
        took = time.monotonic() - begun
        await until(lambda: engine.unfinished == 0)
    assert reply.status_code == status, reply.text
    if status == 200:
        assert reply.json()["nbest"]["degraded"] == "deadline"
        assert "word" in reply.json()["choices"][0]["message"]["content"]
    else:
        assert reply.json()["error"]["code"] == "deadline_exceeded"
        assert reply.headers["x-should-retry"] == "false"
    assert DEADLINE_S <= took < DEADLINE_S + GRACE_S


async def test_a_stream_ends_in_the_error_that_was_asked_for() -> None:
    async with listening(slow()) as running, running.client() as http:
        chunks = await events(http, strategy=strategy("single", "error"))
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["error"]["code"] == "deadline_exceeded"
