"""What operators and clients look up: models, strategies, scorers, health, readiness, version, metrics."""

import httpx
import jsonschema
import pytest

from tests.service.fixtures import Running


async def test_models_lists_the_generator_and_the_presets(http: httpx.AsyncClient) -> None:
    listed = (await http.get("/v1/models")).json()
    assert [model["id"] for model in listed["data"]] == ["scripted", "careful"]
    assert listed["data"][1]["nbest"] == {"name": "best_of_n", "n": 4}
    assert (await http.get("/v1/models/careful")).json()["root"] == "scripted"
    assert (await http.get("/v1/models/nothing")).status_code == 404


async def test_strategies_publish_parameters_as_json_schema(http: httpx.AsyncClient) -> None:
    listed = {entry["id"]: entry for entry in (await http.get("/v1/strategies")).json()["data"]}
    schema = listed["best_of_n"]["parameters"]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"n": 4, "scorer": "outcome", "budget": {"max_samples": 2}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"m": 4}, schema)
    assert listed["best_of_n"]["scorer_kinds"] == ["outcome", "step"]
    assert listed["single"]["streams_live"] == ["sample"]
    assert [listed[name]["needs_scorer"] for name in ("single", "best_of_n", "fusion_of_n")] == [
        False,
        True,
        False,
    ]


async def test_scorers_says_what_is_loaded(http: httpx.AsyncClient) -> None:
    assert [(entry["name"], entry["kind"]) for entry in (await http.get("/v1/scorers")).json()["data"]] == [
        ("outcome", "outcome"),
        ("step", "step"),
    ]


async def test_health_stays_up_and_ready_tells_the_truth(own_http: httpx.AsyncClient, own: Running) -> None:
    assert (await own_http.get("/ready")).json() == {"ready": True, "reason": None}
    own.engine.dead = True
    ready = await own_http.get("/ready")
    assert (ready.status_code, (await own_http.get("/health")).status_code) == (503, 200)
    assert "dead" in ready.json()["reason"]


async def test_ready_says_no_while_draining(own_http: httpx.AsyncClient, own: Running) -> None:
    own.app.state.service.drain.begin()
    assert (await own_http.get("/ready")).json() == {"ready": False, "reason": "draining"}


async def test_version(http: httpx.AsyncClient) -> None:
    assert (await http.get("/version")).json()["backend"] == "scripted"


async def test_metrics_count_requests_candidates_and_tokens(
    own_http: httpx.AsyncClient, own: Running
) -> None:
    body = {"model": "careful", "messages": [{"role": "user", "content": "6 times 7?"}]}
    await own_http.post("/v1/chat/completions", json=body)
    page = (await own_http.get("/metrics")).text
    assert 'nbest_requests_total{outcome="ok",route="chat",strategy="best_of_n"} 1.0' in page
    assert 'nbest_candidates_total{fate="selected",strategy="best_of_n"} 1.0' in page
    assert 'nbest_candidates_total{fate="kept",strategy="best_of_n"} 3.0' in page
    assert f'nbest_tokens_total{{kind="sample"}} {own.engine.generation_tokens}.0' in page


async def test_odd_paths_and_methods_add_no_series(http: httpx.AsyncClient) -> None:
    before = (await http.get("/metrics")).text.count("\nnbest_")
    for i in range(20):
        await http.request(f"M{i}", f"/v1/odd{i}")
    assert (await http.get("/metrics")).text.count("\nnbest_") == before


async def test_the_openapi_document_describes_the_bodies(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    chat = document["paths"]["/v1/chat/completions"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    assert chat == {"$ref": "#/components/schemas/ChatRequest"}
