"""The official OpenAI SDK against our server over a real socket: what works there works here."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from service.engine.scripted.engine import ScriptedEngine
from strategies.catalog import CATALOG
from tests.service.fixtures import Running, listening, until

MESSAGES: Any = [{"role": "user", "content": "What is 6 times 7?"}]
BEST = {"strategy": {"name": "best_of_n", "n": 4, "explain": "full"}}


@pytest.fixture(scope="module")
async def client(shared: Running) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{shared.url}/v1", api_key="unused", max_retries=0) as opened:
        yield opened


async def in_thread(shared: Running, call: Any) -> Any:
    """Run a synchronous client beside the server, which lives in this loop."""
    with OpenAI(base_url=f"{shared.url}/v1", api_key="unused", max_retries=0) as client:
        return await asyncio.to_thread(call, client)


async def test_sync(shared: Running) -> None:
    reply = await in_thread(shared, lambda c: c.chat.completions.create(model="scripted", messages=MESSAGES))
    assert "The answer is" in reply.choices[0].message.content
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert reply._request_id.startswith("req_")


async def test_sync_stream(shared: Running) -> None:
    def read(client: OpenAI) -> str:
        stream = client.chat.completions.create(model="scripted", messages=MESSAGES, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    assert "The answer is" in await in_thread(shared, read)


async def test_async_with_a_strategy_in_extra_body(client: AsyncOpenAI) -> None:
    reply: Any = await client.chat.completions.create(model="scripted", messages=MESSAGES, extra_body=BEST)
    assert reply.nbest["strategy"] == "best_of_n"
    winner = max(reply.nbest["candidates"], key=lambda candidate: candidate["score"])
    assert reply.choices[0].message.content == winner["text"]


async def test_a_chat_goes_on_with_the_replies_themselves(client: AsyncOpenAI) -> None:
    messages = [*MESSAGES]
    for question in ("And 7 times 8?", "And their sum?"):
        reply = await client.chat.completions.create(model="scripted", messages=messages, extra_body=BEST)
        messages += [reply.choices[0].message, {"role": "user", "content": question}]
    reply = await client.chat.completions.create(model="scripted", messages=messages)
    assert reply.choices[0].message.content


async def test_a_chat_goes_on_with_what_a_stream_added_up_to(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(model="scripted", messages=MESSAGES) as stream:
        message: Any = (await stream.get_final_completion()).choices[0].message
    more = [*MESSAGES, message, {"role": "user", "content": "And 7 times 8?"}]
    assert (await client.chat.completions.create(model="scripted", messages=more)).choices[0].message.content


class Value(BaseModel):
    value: int


# The SDK warns of its own type as it writes `parsed`, and sends it.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
async def test_a_chat_goes_on_with_a_parsed_reply() -> None:
    engine = ScriptedEngine(script=lambda prompt, index: '{"value": 42}')
    async with (
        listening(engine) as running,
        AsyncOpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0) as client,
    ):
        asked: Any = {"model": "scripted", "response_format": Value}
        message: Any = (await client.chat.completions.parse(messages=MESSAGES, **asked)).choices[0].message
        assert message.parsed == Value(value=42)
        more = [*MESSAGES, message, {"role": "user", "content": "Once more."}]
        assert (await client.chat.completions.parse(messages=more, **asked)).choices[0].message.parsed


async def test_n_of_three(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(model="scripted", messages=MESSAGES, n=3, temperature=0.8)
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    best = await client.chat.completions.create(model="scripted", messages=MESSAGES, n=3, extra_body=BEST)
    assert len({choice.message.content for choice in best.choices}) == 3


@pytest.mark.parametrize("strategy", CATALOG)
@pytest.mark.parametrize("stream", [False, True])
async def test_every_strategy_runs(client: AsyncOpenAI, strategy: str, stream: bool) -> None:
    body = {"strategy": {"name": strategy}}
    if not stream:
        reply = await client.chat.completions.create(model="scripted", messages=MESSAGES, extra_body=body)
        assert reply.choices[0].message.content
        return
    chunks = [
        chunk
        async for chunk in await client.chat.completions.create(
            model="scripted",
            messages=MESSAGES,
            extra_body=body,
            stream=True,
            stream_options={"include_usage": True},
        )
    ]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


async def test_logprobs(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(
        model="scripted", messages=MESSAGES, logprobs=True, top_logprobs=1
    )
    assert reply.choices[0].logprobs is not None
    content = reply.choices[0].logprobs.content or []
    assert "".join(token.token for token in content) == reply.choices[0].message.content
    assert content[0].top_logprobs[0].logprob == content[0].logprob


async def test_completions(client: AsyncOpenAI) -> None:
    reply = await client.completions.create(model="scripted", prompt="6 times 7 is", max_tokens=64)
    assert "The answer is" in reply.choices[0].text


async def test_models(client: AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["scripted", "careful"]
    assert (await client.models.retrieve("careful")).id == "careful"


async def test_a_bad_request_is_the_sdks_own_error(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(
            model="scripted", messages=MESSAGES, extra_body={"strategy": {"name": "x"}}
        )
    assert caught.value.param == "strategy.name"
    assert caught.value.code == "invalid_value"


async def test_an_unknown_model_is_not_found(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        await client.chat.completions.create(model="gpt-nothing", messages=MESSAGES)


async def test_a_dead_engine_is_an_error_that_the_sdk_may_retry(own: Running) -> None:
    own.engine.dead = True
    async with AsyncOpenAI(base_url=f"{own.url}/v1", api_key="unused", max_retries=0) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.chat.completions.create(model="scripted", messages=MESSAGES)
    assert caught.value.status_code == 503
    assert caught.value.response.headers["x-should-retry"] == "true"
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 60


async def test_a_stream_that_breaks_is_an_error_in_the_sdk() -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "word " * 50, token_s=0.02)
    async with (
        listening(engine) as running,
        AsyncOpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0) as client,
    ):
        stream = await client.chat.completions.create(model="scripted", messages=MESSAGES, stream=True)
        await anext(stream)
        engine.token_s = "no number"  # type: ignore[assignment]  # so that the next token fails
        with pytest.raises(openai.APIError, match="internal error"):
            async for _ in stream:
                pass


async def test_closing_a_stream_stops_the_engine() -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "word " * 1000, token_s=0.01)
    async with (
        listening(engine) as running,
        AsyncOpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0) as client,
    ):
        stream = await client.chat.completions.create(model="scripted", messages=MESSAGES, stream=True)
        await anext(stream)
        await stream.close()
        await until(lambda: not engine.unfinished, within_s=1)
