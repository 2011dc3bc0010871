"""What the client sends is what the server's OpenAPI document and catalogue describe, from the server's own schemas."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, get_type_hints
from urllib.parse import unquote

import jsonschema
import nbest_client
import pytest
from nbest_client import (
    AsyncClient,
    BestOfN,
    CandidateInput,
    Custom,
    Sampling,
    Single,
)
from nbest_client import _requests as requests
from pydantic import TypeAdapter

from strategies.catalog import CATALOG
from tests.contract.client import schemas
from tests.contract.client.schemas import TYPED
from tests.service.fixtures import Running

QUESTION = "What is 6 times 7?"


@pytest.fixture(scope="module")
async def client(shared: Running) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(shared.url, max_retries=0) as opened:
        yield opened


@pytest.fixture(scope="session")
async def openapi(shared: Running) -> dict[str, Any]:
    async with shared.client() as http:
        document: dict[str, Any] = (await http.get("/openapi.json")).json()
        return document


def body_schema(openapi: dict[str, Any], path: str) -> dict[str, Any]:
    """The server's schema of what is posted to a path, with what it refers to."""
    content = openapi["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    return {**content["schema"], "components": openapi["components"]}


async def test_every_strategy_of_the_server_is_a_class_of_the_client(client: AsyncClient) -> None:
    assert {info.id for info in await client.strategies()} == TYPED.keys()


@pytest.mark.parametrize("name", CATALOG)
async def test_a_strategy_has_the_servers_parameters_defaults_and_bounds(
    client: AsyncClient, name: str
) -> None:
    served = next(info for info in await client.strategies() if info.id == name)
    ours = TYPED[name].model_json_schema()
    assert schemas.bare(ours) == schemas.bare(served.parameters)


@pytest.mark.parametrize("name", CATALOG)
def test_the_server_reads_what_the_client_writes(name: str) -> None:
    strategy = TYPED[name](explain="full", budget=nbest_client.Budget(deadline_ms=5000))
    spec = strategy.spec()
    assert spec.pop("name") == name
    parsed = CATALOG[name].model_validate(spec, strict=True)
    assert parsed.model_dump(exclude_unset=True) == spec


def test_every_route_that_the_client_uses_is_one(openapi: dict[str, Any]) -> None:
    question: Any = {"model": "m", "strategy": None, "n": 1, "sampling": {}}
    calls = [
        requests.MODELS,
        requests.STRATEGIES,
        requests.SCORERS,
        requests.chat(QUESTION, **question),
        requests.score(QUESTION, ["a"], None),
        requests.select([CandidateInput(text="a")], strategy=Single(), messages=None, k=1),
    ]
    assert all(call.method.lower() in openapi["paths"][call.path] for call in calls)
    one = requests.run_events("{id}")
    assert one.method.lower() in openapi["paths"][unquote(one.path)]


def test_every_field_of_a_chat_request_is_an_argument_of_the_client(openapi: dict[str, Any]) -> None:
    served = schemas.resolved(body_schema(openapi, "/v1/chat/completions"))["properties"]
    hints = get_type_hints(Sampling)
    ours = {name: TypeAdapter(hint).json_schema() for name, hint in hints.items()}
    own = {"model", "messages", "strategy", "n", "stream", "stream_options"}
    assert served.keys() == ours.keys() | own
    for name, field in ours.items():
        assert schemas.kinds(field) == schemas.kinds(served[name]) - {"null"}, name


def test_a_candidate_that_is_brought_along_is_the_servers(openapi: dict[str, Any]) -> None:
    served = openapi["components"]["schemas"]["GivenCandidate"]
    assert schemas.bare(CandidateInput.model_json_schema()) == schemas.bare(served)


def bodies() -> Iterator[tuple[str, requests.Call]]:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]
    sampling: Any = {"temperature": 0.8, "stop": ["\n"], "logit_bias": {"5": 1.0}}
    for messages in (QUESTION, turns):
        for stream in (False, True):
            yield (
                "chat",
                requests.chat(
                    messages, model="m", strategy=BestOfN(n=4), n=2, sampling=sampling, stream=stream
                ),
            )
        yield "score", requests.score(messages, ["a", "b"], "outcome")
        given = CandidateInput.each(
            ["a", CandidateInput(text="b", score=0.5, step_scores=[0.5], answer="4", tokens=3)]
        )
        yield "select", requests.select(given, strategy=Custom("best_of_n"), messages=messages, k=2)


@pytest.mark.parametrize("call", [call for _, call in bodies()], ids=[name for name, _ in bodies()])
def test_every_body_fits_the_servers_schema(openapi: dict[str, Any], call: requests.Call) -> None:
    jsonschema.validate(call.body, body_schema(openapi, call.path))
