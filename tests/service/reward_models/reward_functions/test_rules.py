"""Programs as scorers: every rule by hand, and settings of another rule are refused."""

import json
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.reward_functions.rules import rule_of
from service.reward_models.reward_functions.settings import ProgramSettings
from strategies.base.errors import ScorerFailed
from tests.random_cases import random_cases, several
from tests.service.reward_models.judges.scripts import QUESTION, loaded

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}, "required": ["a"]}


def program(**fields: Any) -> dict[str, Any]:
    return {"name": "p", "backend": "rule", **fields}


async def score(text: str, **fields: Any) -> float | None:
    return (await loaded(program(**fields)).outcome("p").score(QUESTION, [text])).values[0]


@pytest.mark.parametrize(
    ("text", "fields", "value"),
    [
        ("one two three", {"rule": "length"}, -3.0),
        ("", {"rule": "length"}, 0.0),
        ("one two three", {"rule": "length", "target": 5}, -2.0),
        ("one two three", {"rule": "length", "unit": "characters", "target": 10}, -3.0),
        ("a\nb\n", {"rule": "length", "unit": "lines", "target": 2}, 0.0),
        ('{"a": 3}', {"rule": "json_schema", "json_schema": SCHEMA}, 1.0),
        ('{"a": 2}', {"rule": "json_schema", "json_schema": SCHEMA}, 0.0),
        ('```json\n{"a": 4}\n```', {"rule": "json_schema", "json_schema": SCHEMA}, 1.0),
        ('So: {"a": 4}', {"rule": "json_schema", "json_schema": SCHEMA}, 0.0),
        ("NaN", {"rule": "json_schema", "json_schema": {}}, 0.0),
        ("[" * 100_000, {"rule": "json_schema", "json_schema": {}}, 0.0),
        ("It is 42.", {"rule": "pattern", "pattern": r"\b\d+\b"}, 1.0),
        ("It is so.", {"rule": "pattern", "pattern": r"\b\d+\b"}, 0.0),
        ("Alpha beta", {"rule": "keyword", "keywords": ["alpha", "gamma"]}, 0.5),
        (
            "Alpha beta",
            {"rule": "keyword", "keywords": ["alpha", "beta"], "match_case": True},
            0.5,
        ),
    ],
)
async def test_rules_by_hand(text: str, fields: dict[str, Any], value: float) -> None:
    assert await score(text, **fields) == value


def _text(rng: Random) -> list[str]:
    return several(rng, lambda r: r.choice(["a", "bb", " ", "\n", "é"]), 0, 30)


@random_cases(lambda rng: (_text(rng), rng.randint(0, 20)))
def test_length_equals_counting(pieces: list[str], target: int) -> None:
    text = "".join(pieces)
    rule = rule_of(ProgramSettings(name="p", backend="rule", rule="length", target=target))
    inside, counted = False, 0
    for sign in text:
        if sign in " \n":
            inside = False
        elif not inside:
            inside, counted = True, counted + 1
    assert rule(text) == -abs(counted - target)


def _json(rng: Random, depth: int = 3) -> Any:
    text = "".join(rng.choice('aé"\\ \n`{}[]\u2028𝄞') for _ in range(rng.randint(0, 5)))
    leaf = rng.choice([None, True, False, rng.randint(-(10**20), 10**20), rng.uniform(-9, 9), text, "```"])
    if not depth or rng.random() < 0.5:
        return leaf
    parts = [_json(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    return rng.choice([parts, {f"{text}{i}": part for i, part in enumerate(parts)}])


MATCHES_ANY = rule_of(ProgramSettings(name="p", backend="rule", rule="json_schema", json_schema={}))


@random_cases(lambda rng: (_json(rng),))
def test_any_json_matches_the_empty_schema_however_it_is_fenced(value: Any) -> None:
    text = json.dumps(value)
    assert MATCHES_ANY(text) == MATCHES_ANY(f"```json\n{text}\n```") == 1.0


async def test_a_schema_elsewhere_is_never_fetched() -> None:
    fields = {"rule": "json_schema", "json_schema": {"$ref": "http://127.0.0.1:9/schema.json"}}
    with pytest.raises(ScorerFailed, match="'p'"):
        await score("{}", **fields)


def test_a_schema_that_is_none_is_found_at_the_start() -> None:
    with pytest.raises(ScorerLoadError, match="scorer 'p': json_schema is no JSON schema"):
        loaded(program(rule="json_schema", json_schema={"type": "nothing"}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rule": "length", "pattern": "a"}, "pattern: does not go with rule length"),
        ({"rule": "pattern"}, "pattern: rule pattern needs it"),
        ({"rule": "pattern", "pattern": "(a"}, "not an RE2 pattern"),
        ({"rule": "pattern", "pattern": r"(a)\1"}, "not an RE2 pattern"),
        ({"rule": "keyword"}, "keywords: rule keyword needs it"),
        ({"rule": "sentiment"}, "length"),
        ({"rule": "length", "kind": "step"}, "outcome"),
    ],
)
def test_wrong_settings_are_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ProgramSettings.model_validate(program(**fields))
