"""A chat request, and how the tests of chat completions send one."""

import json
from typing import Any

import httpx

ASK: dict[str, Any] = {"model": "scripted", "messages": [{"role": "user", "content": "What is 6 times 7?"}]}
BEST = {"name": "best_of_n", "n": 3}


async def post(http: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await http.post("/v1/chat/completions", json=ASK | fields)


async def events(http: httpx.AsyncClient, **fields: Any) -> list[Any]:
    """The data lines of a stream, decoded; `[DONE]` as it is."""
    response = await post(http, stream=True, **fields)
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]
