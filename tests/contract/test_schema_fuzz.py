"""Requests made from the OpenAPI document, valid and invalid, on a real socket; `make fuzz` sends thousands of them."""

import asyncio

import httpx
import pytest

from scripts.fuzz.document import informed
from scripts.fuzz.requests import allowed, fuzz
from tests.service.fixtures import Running


@pytest.mark.timeout(300)
async def test_no_request_by_the_document_breaks_the_service(
    own: Running, own_http: httpx.AsyncClient
) -> None:
    document = (await own_http.get("/openapi.json")).json()
    strategies = (await own_http.get("/v1/strategies")).json()["data"]
    documents = [document, informed(document, "scripted", strategies, ["outcome", "step"])]
    tally = await asyncio.to_thread(fuzz, own.url, documents, 150, seed=20)
    assert tally.failures == []
    assert tally.sent == 150
    by_status = tally.by_status()
    assert by_status["200"] >= 15, f"hardly anything was valid: {by_status}"
    assert by_status["400"] >= 15, f"hardly anything was invalid: {by_status}"
    reply = await own_http.post("/v1/completions", json={"model": "scripted", "prompt": "6 times 7?"})
    assert reply.status_code == 200


async def test_every_operation_of_the_document_is_asked(own: Running, own_http: httpx.AsyncClient) -> None:
    document = (await own_http.get("/openapi.json")).json()
    operations = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    tally = await asyncio.to_thread(fuzz, own.url, [document], 12 * len(operations), seed=3)
    assert {operation for operation, _ in tally.counts} == operations


@pytest.mark.parametrize(
    ("status", "fine"),
    [
        (200, True),
        (204, True),
        (301, False),
        (400, True),
        (404, True),
        (429, True),
        (422, False),
        (500, False),
    ],
)
def test_redirects_errors_of_ours_and_422_are_failures(status: int, fine: bool) -> None:
    assert allowed(status) is fine


@pytest.mark.parametrize(
    ("status", "fine"), [(501, False), (502, False), (503, True), (504, True), (505, False)]
)
def test_of_server_errors_overload_and_deadline_are_answers(status: int, fine: bool) -> None:
    assert allowed(status) is fine


async def test_a_broken_service_is_noticed(own: Running) -> None:
    """The fuzzer itself: an operation that answers 500 is a failure with the command that repeats it."""

    async def broken() -> None:
        raise RuntimeError("broken on purpose")

    own.app.add_api_route("/broken", broken, methods=["GET"])
    document = {
        "openapi": "3.1.0",
        "info": {"title": "broken", "version": "1"},
        "paths": {"/broken": {"get": {"responses": {"200": {"description": "never"}}}}},
    }
    tally = await asyncio.to_thread(fuzz, own.url, [document], 10, seed=1)
    assert tally.by_status() == {"500": 1}
    assert len(tally.failures) == 1
    assert "curl" in tally.failures[0]
    assert "/broken" in tally.failures[0]


def test_the_informed_document_fills_in_what_is_served() -> None:
    document = {
        "components": {
            "schemas": {
                "Asked": {
                    "properties": {
                        "model": {"type": "string"},
                        "strategy": {"type": "object"},
                        "prompt": {},
                        "messages": {},
                    }
                }
            }
        }
    }
    parameters = {
        "properties": {"n": {"type": "integer"}, "budget": {"$ref": "#/$defs/Budget"}},
        "$defs": {"Budget": {"type": "object"}},
    }
    known = informed(document, "m", [{"id": "best_of_n", "parameters": parameters}], ["outcome"])
    schemas = known["components"]["schemas"]
    assert schemas["Budget"] == {"type": "object"}
    asked = schemas["Asked"]
    assert asked["properties"]["model"] == {"enum": ["m", "m@best_of_n"]}
    assert asked["required"] == ["prompt"]
    assert "messages" not in asked["properties"]
    (variant,) = asked["properties"]["strategy"]["anyOf"]
    assert variant["properties"]["budget"] == {"$ref": "#/components/schemas/Budget"}
    assert variant["properties"]["name"] == {"const": "best_of_n"}
    assert "strategy" in document["components"]["schemas"]["Asked"]["properties"]
    assert document["components"]["schemas"]["Asked"]["properties"]["strategy"] == {"type": "object"}


async def test_the_document_tells_the_errors_as_they_are(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    assert operations
    for operation in operations:
        assert set(operation["responses"]) == {"200", "4XX", "5XX"}
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_an_error_has_the_shape_that_the_document_tells(http: httpx.AsyncClient) -> None:
    schemas = (await http.get("/openapi.json")).json()["components"]["schemas"]
    reply = await http.post("/v1/completions", content=b"{", headers={"content-type": "application/json"})
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert set(reply.json()) == set(schemas["ErrorReply"]["properties"])
    assert set(error) == set(schemas["ErrorObject"]["properties"])
    assert (error["param"], error["code"]) == (None, "invalid_json")
