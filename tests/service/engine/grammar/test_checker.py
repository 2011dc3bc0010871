"""Schemas are examined in processes that can be killed: what is hostile is refused by name, what is not is taken."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers

from service.engine.grammar.checker import GrammarBounds, GrammarChecker, Tokenizer
from strategies.base.errors import InvalidRequest, Overloaded


def every_byte() -> Tokenizer:
    """A tokenizer of single bytes and an end."""
    vocabulary = {byte: i for i, byte in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend: Any = Backend(models.BPE(vocab=vocabulary | {"<end>": 256}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<end>"])
    return Tokenizer(backend.to_str(), 257, 256)


@pytest.fixture(scope="module")
async def checker() -> AsyncIterator[GrammarChecker]:
    checker = GrammarChecker(every_byte)
    yield checker
    await checker.aclose()


ITEM = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["name"],
}
TAKEN: list[Any] = [
    {},
    {"type": "object"},
    ITEM,
    {"type": "array", "items": ITEM, "minItems": 1, "maxItems": 20},
    {"enum": ["positive", "negative"]},
    {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}], "default": None, "title": "When"},
    {"type": "string", "pattern": "^[A-Z]{2}[0-9]{4}$"},
    {"type": "object", "properties": {"inner": {"$ref": "#"}, "v": {"type": "number", "multipleOf": 0.5}}},
    {"$ref": "#/$defs/item", "$defs": {"item": ITEM}},
    {"anyOf": [{"$ref": "#"}, {"type": "string"}]},
    {
        "oneOf": [
            {"type": "object", "properties": {"kind": {"const": kind}}, "required": ["kind"]} for kind in ("cat", "dog")
        ],
        "discriminator": {"propertyName": "kind"},
    },
    {"type": "string", "pattern": "^(a|b|ab)*c{1,500}$"},
]  # fmt: skip
REFUSED: list[tuple[Any, str]] = [
    ({"$ref": "#"}, "refers to itself without end"),
    ({"anyOf": [{"$ref": "#"}]}, "refers to itself without end"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "without end"),
    ({"$ref": "#/$defs/missing"}, "does not exist"),
    ({"$ref": 5}, "must be a string"),
    ({"type": "string", "pattern": "a?" * 2000}, "cannot be followed"),
    ({"type": "string", "pattern": "(?=a)b"}, "look-around"),
    ({"type": "string", "pattern": "^(a)\\1$"}, "backreferences"),
    ({"type": "string", "pattern": "["}, "unclosed character class"),
    ({"type": "array", "items": {"type": "integer"}, "maxItems": 10**9}, "MiB to compile, or nests too deep"),
    ({"type": "integer", "multipleOf": 1_000_003}, "s to compile"),
    (
        {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(3000)}},
        "compile|followed",
    ),
    ({"not": {"type": "string"}}, 'Unimplemented keys: \\["not"\\]'),
    ({"if": {"type": "string"}, "then": {"minLength": 3}}, "Unimplemented"),
    ({"type": "array", "uniqueItems": True}, "uniqueItems"),
    ({"type": "string", "const": 5}, "Unsatisfiable"),
    ({"type": "integer", "minimum": 5, "maximum": 2}, "minimum"),
    ({"enum": []}, "Unsatisfiable"),
    ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "'a' is unsatisfiable"),
    ({"type": "nonsense"}, "Invalid type"),
]


@pytest.mark.parametrize("schema", TAKEN, ids=lambda schema: json.dumps(schema)[:50])
async def test_a_schema_that_can_be_followed_is_taken(checker: GrammarChecker, schema: Any) -> None:
    await checker.check(json.dumps(schema), 64)


@pytest.mark.parametrize(("schema", "why"), REFUSED, ids=lambda value: json.dumps(value)[:50])
async def test_any_other_is_refused_with_the_reason(checker: GrammarChecker, schema: Any, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why) as refused:
        await checker.check(json.dumps(schema))
    assert refused.value.param == "response_format"
    assert len(str(refused.value)) < 500


async def test_one_that_is_dear_is_taken_once_and_refused_for_many(checker: GrammarChecker) -> None:
    dear = json.dumps({"enum": ["x" * 20_000, "y" * 20_000]})
    await checker.check(dear)
    with pytest.raises(InvalidRequest, match="for each of 1000 candidates"):
        await checker.check(dear, 1000)


async def test_hostile_ones_end_no_worker_and_what_is_known_is_not_asked_again() -> None:
    checker = GrammarChecker(every_byte, workers=1)
    hostile = [json.dumps(schema) for schema, _ in REFUSED[-11:-5]]
    try:
        for schema in [*hostile, *hostile]:
            with pytest.raises(InvalidRequest):
                await checker.check(schema)
        (worker,) = checker._pool._all
        assert worker.alive
        await worker.kill()
        with pytest.raises(InvalidRequest):
            await checker.check(hostile[0])
    finally:
        await checker.aclose()
    assert checker.started == 0


async def test_many_that_send_the_same_are_one_question_and_one_that_leaves_ends_it_for_nobody() -> None:
    checker = GrammarChecker(every_byte, workers=1)
    try:
        asking = [asyncio.create_task(checker.check('{"type": "object"}')) for _ in range(50)]
        await asyncio.sleep(0.01)
        asking[0].cancel()
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert set(results[1:]) == {None}
        assert checker.started == 1
    finally:
        await checker.aclose()


async def test_a_worker_that_dies_is_replaced() -> None:
    checker = GrammarChecker(every_byte, workers=1)
    try:
        await checker.check('{"type": "object"}')
        for worker in checker._pool._all:
            await worker.kill()
        await checker.check('{"type": "string"}')
        assert checker.started == 1
    finally:
        await checker.aclose()


async def test_a_machine_that_is_too_busy_to_tell_says_so() -> None:
    checker = GrammarChecker(every_byte, bounds=GrammarBounds(wall_s=0.0))
    try:
        with pytest.raises(Overloaded, match="busy"):
            await checker.check(json.dumps({"type": "array", "minItems": 10**6}))
    finally:
        await checker.aclose()
