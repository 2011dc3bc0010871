"""Every strategy, however it is asked for: by object, preset or model name, whole or streamed, and to select."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from service.engine.scripted.engine import ScriptedEngine
from service.settings import Settings
from strategies.base.types import Decoding, Message, Prompt
from strategies.catalog import CATALOG
from tests.service.fixtures import Running, listening

QUESTION: Any = [{"role": "user", "content": "What is 6 times 7?"}]
PAGES = Path(__file__).resolve().parents[2] / "docs" / "strategies"
PARTS = (
    "<!-- generated: parameters",
    "**Cost.**",
    "**When it fails.**",
    "**When not to use it.**",
    "**Source.**",
)
GENERATING = ["early_rejection", "fusion_of_n", "single", "top_h"]
SELECTING = sorted(set(CATALOG) - set(GENERATING))


def script(prompt: Prompt, index: int) -> str:
    return f"I say {index % 5}.\nThe answer is {(41, 42, 42, 43)[index % 4]}.\n[score=0.{index % 7}]"


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Running]:
    """Every strategy as a preset, named after it."""
    settings = Settings(presets={f"my-{name}": {"name": name, "explain": "full"} for name in CATALOG})
    async with listening(ScriptedEngine(script=script), settings=settings) as running:
        yield running


@pytest.fixture
async def sdk(served: Running) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{served.url}/v1", api_key="unused", max_retries=0) as opened:
        yield opened


def asked(name: str, how: str) -> dict[str, Any]:
    if how == "object":
        body = {"strategy": {"name": name, "explain": "full"}}
        return {"model": "scripted", "messages": QUESTION, "seed": 3, "extra_body": body}
    model = f"my-{name}" if how == "preset" else f"scripted@{name}"
    return {"model": model, "messages": QUESTION, "seed": 3}


@pytest.mark.parametrize("name", CATALOG)
@pytest.mark.parametrize("how", ["preset", "suffix"])
async def test_however_it_is_named_the_sdk_gets_the_same_answer(
    sdk: AsyncOpenAI, name: str, how: str
) -> None:
    wanted: Any = await sdk.chat.completions.create(**asked(name, "object"))
    reply: Any = await sdk.chat.completions.create(**asked(name, how))
    assert reply.choices[0].message.content == wanted.choices[0].message.content
    assert reply.nbest["strategy"] == wanted.nbest["strategy"] == name


@pytest.mark.parametrize("name", CATALOG)
@pytest.mark.parametrize("how", ["object", "preset", "suffix"])
async def test_streamed_it_says_the_same(sdk: AsyncOpenAI, name: str, how: str) -> None:
    whole = await sdk.chat.completions.create(**asked(name, how))
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    chunks: list[Any] = [
        chunk async for chunk in await sdk.chat.completions.create(**asked(name, how), **options)
    ]
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert streamed == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens > 0


@pytest.mark.parametrize("name", SELECTING)
async def test_it_selects_of_given_candidates_what_it_selects_of_its_own(served: Running, name: str) -> None:
    n = 9
    drawn = ScriptedEngine(script=script)
    given: list[dict[str, Any]] = [{"text": script(Prompt(), i)} for i in range(n)]
    if name == "rpc":
        prompt = Prompt((Message("user", QUESTION[0]["content"]),), decoding=Decoding(logprobs=0))
        async with drawn.sample(prompt, n) as stream:
            own_draw = sorted([one async for one in stream], key=lambda one: one.index)
        given = [{"text": one.text, "logprob": one.logprob, "tokens": one.tokens} for one in own_draw]
    spec = {"name": name, "explain": "full"}
    async with served.client() as http:
        own = await http.post(
            "/v1/chat/completions",
            json={"model": "scripted", "messages": QUESTION, "n": 2, "strategy": spec | {"n": n}},
        )
        brought = await http.post(
            "/v1/select", json={"messages": QUESTION, "k": 2, "strategy": spec, "candidates": given}
        )
    assert own.status_code == brought.status_code == httpx.codes.OK, brought.text
    assert brought.json()["selected"] == own.json()["nbest"]["selected"]


@pytest.mark.parametrize("name", GENERATING)
async def test_what_only_generates_refuses_to_select(served: Running, name: str) -> None:
    async with served.client() as http:
        body = {
            "messages": QUESTION,
            "strategy": {"name": name},
            "candidates": [{"text": "a"}, {"text": "b"}],
        }
        response = await http.post("/v1/select", json=body)
    assert response.status_code == httpx.codes.BAD_REQUEST, response.text
    assert response.json()["error"]["param"] == "strategy"


@pytest.mark.parametrize("name", CATALOG)
@pytest.mark.parametrize("part", PARTS)
def test_its_page_tells_parameters_cost_failure_limits_and_source(name: str, part: str) -> None:
    assert part in (PAGES / f"{name}.md").read_text()
