"""Plain completions: their own shapes; what they share with chat is tested there."""

import json
from typing import Any

import httpx
import pytest

ASK: dict[str, Any] = {"model": "scripted", "prompt": "6 times 7 is", "max_tokens": 64}


async def post(http: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await http.post("/v1/completions", json=ASK | fields)


async def test_a_completion(http: httpx.AsyncClient) -> None:
    reply = (await post(http)).json()
    assert reply["object"] == "text_completion"
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert "The answer is" in reply["choices"][0]["text"]
    assert reply["usage"]["prompt_tokens"] == 4


async def test_sixteen_tokens_are_the_default_as_at_openai(http: httpx.AsyncClient) -> None:
    body = {"model": "scripted", "prompt": "x"}
    assert (await http.post("/v1/completions", json=body | {"max_tokens": 3})).json()["choices"][0][
        "finish_reason"
    ] == "length"
    assert (await http.post("/v1/completions", json=body)).json()["usage"]["completion_tokens"] <= 16


async def test_echo_puts_the_prompt_first(http: httpx.AsyncClient) -> None:
    assert (await post(http, echo=True)).json()["choices"][0]["text"].startswith("6 times 7 is")


async def test_logprobs_are_parallel_lists(http: httpx.AsyncClient) -> None:
    logprobs = (await post(http, logprobs=1)).json()["choices"][0]["logprobs"]
    assert (
        len({len(logprobs[key]) for key in ("tokens", "token_logprobs", "top_logprobs", "text_offset")}) == 1
    )
    assert logprobs["text_offset"][1] == len(logprobs["tokens"][0])


async def test_best_of_n_works_on_raw_text(http: httpx.AsyncClient) -> None:
    reply = (await post(http, strategy={"name": "best_of_n", "n": 4})).json()
    assert len(reply["nbest"]["candidates"]) == 4


async def test_a_stream(http: httpx.AsyncClient) -> None:
    response = await post(http, stream=True, echo=True, stream_options={"include_usage": True})
    chunks = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]
    text = "".join(chunk["choices"][0]["text"] for chunk in chunks if chunk["choices"])
    assert text.startswith("6 times 7 is")
    assert chunks[-1]["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 4}, "best_of"),
        ({"echo": True, "logprobs": 1}, "echo"),
        ({"logprobs": 21}, "logprobs"),
    ],
    ids=str,
)
async def test_what_cannot_be_honoured_is_refused(
    http: httpx.AsyncClient, fields: dict[str, Any], param: str
) -> None:
    response = await post(http, **fields)
    assert response.status_code == 400
    assert (response.json()["error"]["param"] or "").startswith(param)
