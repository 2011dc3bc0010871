"""Calls that would do the same vote as one: arguments are values, not spellings, and their order does not matter."""

import json
from collections import Counter
from random import Random
from typing import Any

import pytest

from strategies.answers.answer_format import AnswerForm
from strategies.base.types import Candidate, Parts, ToolCall, Tools
from strategies.parts.tool_calls import ToolVote, canonical_calls, find_calls, read_calls
from strategies.parts.tool_parts import checked, with_calls
from strategies.parts.tool_schemas import check_schema, flaw_of, follows
from tests.random_cases import random_cases

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "pattern": "^[A-Z]"}, "days": {"type": "integer"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
ANYTHING = {"type": "function", "function": {"name": "anything"}}
TOOLS = Tools((WEATHER, ANYTHING))


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(name, json.dumps(arguments), id=f"call_{name}")


def test_spelling_and_order_do_not_matter() -> None:
    one = [ToolCall("a", '{"x": 1.0, "y": [2, {"b": 1, "a": 0}]}', "1"), ToolCall("b", "{}")]
    two = [ToolCall("b", " {\n} "), ToolCall("a", '{"y":[2,{"a":0,"b":1.0}],"x":1}', "2")]
    assert canonical_calls(one) == canonical_calls(two)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"x": 1}', '{"x": "1"}'),
        ('{"x": 1}', '{"x": true}'),
        ('{"x": [1, 2]}', '{"x": [2, 1]}'),
        ("{", "{ "),
    ],
)
def test_other_values_are_other_calls(one: str, other: str) -> None:
    assert canonical_calls([ToolCall("a", one)]) != canonical_calls([ToolCall("a", other)])


@pytest.mark.parametrize(
    ("vote", "key"),
    [
        ("name", '["a","b"]'),
        ("arguments", '[{"x":1},{}]'),
        ("call", '[{"arguments":{"x":1},"name":"b"}]'),
        ("calls", '[{"arguments":{"x":1},"name":"b"},{"arguments":{},"name":"a"}]'),
    ],
)
def test_what_is_compared_is_the_requests_to_say(vote: ToolVote, key: str) -> None:
    calls = [call("b", x=1, note="hm"), call("a", note="so")]
    assert canonical_calls(calls, vote, exclude=["note"]) == key


def slow_equal(one: list[ToolCall], other: list[ToolCall]) -> bool:
    """By taking each call of one away from the other, compared as Python compares JSON values of the same types."""
    left = list(other)
    for mine in one:
        found = next((c for c in left if c.name == mine.name and same(c.arguments, mine.arguments)), None)
        if found is None:
            return False
        left.remove(found)
    return not left


def same(one: str, other: str) -> bool:
    def typed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: typed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [typed(item) for item in value]
        return ("truth" if isinstance(value, bool) else type(value).__name__.replace("float", "int"), value)

    return bool(typed(json.loads(one)) == typed(json.loads(other)))


def some_calls(rng: Random) -> tuple[list[ToolCall], list[ToolCall]]:
    def value(depth: int) -> Any:
        kinds = [0, 1, 1.0, 2.5, True, False, None, "1", "a", ""]
        if depth and rng.random() < 0.4:
            return [value(depth - 1) for _ in range(rng.randint(0, 2))]
        if depth and rng.random() < 0.4:
            return {rng.choice("ab"): value(depth - 1) for _ in range(rng.randint(0, 2))}
        return rng.choice(kinds)

    def one() -> ToolCall:
        arguments = {rng.choice("xy"): value(2) for _ in range(rng.randint(0, 2))}
        return ToolCall(rng.choice(["f", "g"]), json.dumps(arguments), str(rng.random()))

    first = [one() for _ in range(rng.randint(1, 3))]
    second = (
        rng.sample(first, len(first)) if rng.random() < 0.5 else [one() for _ in range(rng.randint(1, 3))]
    )
    return first, [ToolCall(c.name, json.dumps(json.loads(c.arguments), indent=1)) for c in second]


@random_cases(some_calls)
def test_keys_are_equal_where_the_calls_are(one: list[ToolCall], other: list[ToolCall]) -> None:
    assert (canonical_calls(one) == canonical_calls(other)) == slow_equal(one, other)
    names = Counter(c.name for c in one) == Counter(c.name for c in other)
    assert (canonical_calls(one, "name") == canonical_calls(other, "name")) == names


def test_calls_stand_in_tags() -> None:
    text = 'Let me see.\n<tool_call>\n{"name": "a", "arguments": {"x": 1}}\n</tool_call>\n<tool_call>{"name": "b"}'
    assert find_calls(text) == ("Let me see.\n", (ToolCall("a", '{"x": 1}'), ToolCall("b", "{}")), True)
    assert find_calls("none") == ("none", (), True)
    assert find_calls("<tool_call>{nonsense</tool_call>") == ("", (), False)


def test_calls_that_a_grammar_held() -> None:
    assert read_calls('[{"name": "a", "parameters": {"x": 1}}]') == (ToolCall("a", '{"x": 1}'),)
    assert read_calls(' {"x": 1.0} ', "a") == (ToolCall("a", '{"x": 1.0}'),)
    assert read_calls("[]") is None
    assert read_calls('[{"name": "a"') is None
    assert read_calls('[{"name": "a"}, 3]') is None


@pytest.mark.parametrize(
    ("calls", "flaw"),
    [
        ([call("weather", city="Rome", days=2)], None),
        ([call("anything", what=1)], None),
        ([call("weather", city="rome")], "invalid_tool_call"),
        ([call("weather", days=2)], "invalid_tool_call"),
        ([call("weather", city="Rome", days="2")], "invalid_tool_call"),
        ([call("weather", city="Rome"), call("weather", city="Rome", more=1)], "invalid_tool_call"),
        ([call("nobody")], "invalid_tool_call"),
        ([ToolCall("anything", "[]")], "invalid_tool_call"),
        ([ToolCall("anything", "{")], "invalid_tool_call"),
        ([ToolCall("anything", '{"x": NaN}')], "invalid_tool_call"),
    ],
)
def test_a_call_that_breaks_its_schema_is_a_flaw(calls: list[ToolCall], flaw: str | None) -> None:
    assert flaw_of(calls, TOOLS) == flaw
    parts = checked(Parts(), calls, TOOLS)
    candidate = Candidate(0, "x", 1, "stop", parts=parts)
    assert candidate.is_valid == (flaw is None)
    assert (AnswerForm().read(candidate) is None) == (flaw is not None)


def test_one_call_alone_where_only_one_is_wanted() -> None:
    tools = Tools((ANYTHING,), parallel=False)
    assert checked(Parts(), [call("anything"), call("nobody")], tools).tool_calls == (call("anything"),)


def test_a_forced_call_that_is_not_there_is_a_flaw() -> None:
    assert (
        with_calls(Parts("I would rather not."), Tools((ANYTHING,), "required")).flaw
        == "unreadable_tool_call"
    )
    assert with_calls(Parts("I say so."), Tools((ANYTHING,))) == Parts("I say so.")
    unread = with_calls(Parts("<tool_call>{"), Tools((ANYTHING,)))
    assert (unread.flaw, unread.tool_calls) == ("unreadable_tool_call", ())


@pytest.mark.parametrize(
    "schema", [{"type": "nothing"}, {"properties": {"a": {"pattern": "(?=x)"}}}, {"required": "a"}], ids=str
)
def test_a_schema_that_cannot_be_used_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_schema(schema)


def test_a_schema_reaches_nothing_outside_and_no_pattern_runs_for_long() -> None:
    assert not follows('{"a": 1}', {"properties": {"a": {"$ref": "http://attacker.invalid/x"}}})
    slow = {"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    assert not follows(json.dumps({"a": "a" * 40 + "b"}), slow)
    assert not follows('{"x1": "a"}', {"patternProperties": {"^x[0-9]": {"type": "integer"}}})
