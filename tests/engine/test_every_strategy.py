"""Every strategy on the real engines through the OpenAI SDK: whole, streamed, as a preset, and with top-H beside it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import AsyncOpenAI

from service.embedded.problems.problems import chat, problems
from strategies.catalog import CATALOG
from tests.engine.service_fixtures import spec
from tests.service.fixtures import Running

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

MODEL = "smollm2-135m-instruct"


@pytest.fixture
async def client(service: Running) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=f"{service.url}/v1", api_key="unused", max_retries=0, timeout=120
    ) as opened:
        yield opened


def asked(name: str, **fields: Any) -> dict[str, Any]:
    messages = chat(problems("test", 1)[0])
    return {"model": MODEL, "messages": messages, "max_tokens": 32, "temperature": 0.8, "seed": 1} | fields


@pytest.mark.parametrize("name", CATALOG)
async def test_it_answers_and_tells_what_it_cost(client: AsyncOpenAI, name: str) -> None:
    reply: Any = await client.chat.completions.create(**asked(name), extra_body={"strategy": spec(name)})
    assert reply.choices[0].message.content.strip()
    assert reply.nbest["strategy"] == name
    assert reply.nbest["cost"]["flops"] > 0
    assert reply.usage.completion_tokens >= sum(c["fate"] == "selected" for c in reply.nbest["candidates"])


@pytest.mark.parametrize("name", CATALOG)
async def test_it_streams_as_a_preset(client: AsyncOpenAI, name: str) -> None:
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    stream = await client.chat.completions.create(**asked(name, model=f"my-{name}"), **options)
    chunks: list[Any] = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices).strip()
    assert chunks[-1].usage.completion_tokens > 0


@pytest.mark.parametrize("name", sorted(set(CATALOG) - {"top_h"}))
async def test_top_h_composes_with_it(client: AsyncOpenAI, name: str) -> None:
    body = {"strategy": spec(name), "top_h": 0.4}
    reply: Any = await client.chat.completions.create(**asked(name, temperature=1.5), extra_body=body)
    assert reply.choices[0].message.content.strip()
