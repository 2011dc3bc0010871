"""Every metric, label and closed value that the dashboard and the alerts name is one that `/metrics` can have."""

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from service.metering.phase_clock import Phase
from service.observability.metrics import Metrics
from strategies.base import errors
from strategies.base.types import Fate

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "nbest.json").read_text())
ALERTS: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())

# The scripted engine has no vLLM behind it, so these are looked up in vLLM's own source instead.
VLLM = {
    "vllm:generation_tokens_total",
    "vllm:inter_token_latency_seconds_bucket",
    "vllm:kv_cache_usage_perc",
    "vllm:num_preemptions_total",
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:prefix_cache_hits_total",
    "vllm:prefix_cache_queries_total",
    "vllm:prompt_tokens_total",
    "vllm:time_to_first_token_seconds_bucket",
}
PROMETHEUS = {"up"}
_NAME = re.compile(r"(?:nbest_|vllm:)[a-zA-Z0-9_:]+|\bup\b")
_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
# Given by Prometheus itself, by vLLM, or by the kind of the metric.
_COMMON_LABELS = {"instance", "job", "le"}


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    for panel in panels():
        yield from (target["expr"] for target in panel["targets"])
    for variable in DASHBOARD["templating"]["list"]:
        yield variable["definition"]
    for group in ALERTS["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def named() -> set[str]:
    return {name for expression in expressions() for name in _NAME.findall(expression)}


async def test_our_metrics_are_on_the_page(http: httpx.AsyncClient) -> None:
    page = (await http.get("/metrics")).text
    present = {
        f"{family.name}{suffix}"
        for family in text_string_to_metric_families(page)
        for suffix in _SUFFIXES.get(family.type, ())
    }
    ours = {name for name in named() if name.startswith("nbest_")}
    assert ours - present == set()
    # The pattern that finds names in expressions does find them.
    assert {"nbest_requests_total", "nbest_request_duration_seconds_bucket", "nbest_engine_up"} <= ours


def test_the_others_are_listed() -> None:
    others = {name for name in named() if not name.startswith("nbest_")}
    assert others == VLLM | PROMETHEUS


def test_vllm_has_the_metrics_of_that_name() -> None:
    found = importlib.util.find_spec("vllm")
    assert found
    assert found.submodule_search_locations
    folder = Path(found.submodule_search_locations[0]) / "v1"
    source = (folder / "metrics" / "loggers.py").read_text()
    assert {name for name in VLLM if f'"{re.sub("_(total|bucket)$", "", name)}"' not in source} == set()


@pytest.mark.parametrize("expression", sorted({*expressions()}))
def test_labels_of_an_expression_are_the_metrics_own(expression: str) -> None:
    for name, matchers in re.findall(r"(nbest_\w+)\{([^}]*)\}", expression):
        metric = re.sub(r"_(total|bucket|sum|count)$", "", name)
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert labels <= _labels()[metric] | _COMMON_LABELS


def _labels() -> dict[str, set[str]]:
    collectors = (value for value in vars(Metrics()).values() if hasattr(value, "_labelnames"))
    return {collector._name: set(collector._labelnames) for collector in collectors}


def test_values_that_expressions_name_can_occur() -> None:
    text = "\n".join(expressions())
    outcomes = {word for group in re.findall(r'outcome=~?"([^"]+)"', text) for word in group.split("|")}
    assert outcomes
    assert all(word == "internal_error" or hasattr(errors, word) for word in outcomes)
    assert set(re.findall(r'phase="(\w+)"', text)) <= set(get_args(Phase))
    assert set(re.findall(r'fate="(\w+)"', text)) <= set(get_args(Fate))
    refusals = set(re.findall(r'admission_rejections_total\{reason="(\w+)"', text))
    source = "".join(path.read_text() for path in (DEPLOY.parent / "service").rglob("*.py"))
    assert refusals
    assert all(f'refused.labels("{reason}")' in source for reason in refusals)


def test_panels_have_ids_and_places_of_their_own() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells


def test_panels_say_what_they_show() -> None:
    assert all(panel["description"] and panel["title"] for panel in panels())


def test_alerts_say_what_happened_and_how_bad_it_is() -> None:
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_every_alert_is_tried_out() -> None:
    tried = Path(__file__).with_name("alerts.test.yml").read_text()
    for group in ALERTS["groups"]:
        assert all(rule["alert"] in tried for rule in group["rules"])
