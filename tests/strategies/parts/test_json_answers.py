"""JSON and tool calls are compared by what they say, not by how they are written."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.parts.json_answers import canonical_json, find_object, whole_object


def test_order_spaces_and_whole_floats_do_not_matter() -> None:
    assert canonical_json({"b": [1.0, 2], "a": "x"}) == canonical_json({"a": "x", "b": [1, 2.0]})


@pytest.mark.parametrize(
    ("one", "other"), [({"a": 1}, {"a": "1"}), ([1, 2], [2, 1]), ({"a": "X"}, {"a": "x"}), (1, True)]
)
def test_what_differs_stays_different(one: Any, other: Any) -> None:
    assert canonical_json(one) != canonical_json(other)


def test_tool_calls_are_equal_if_they_would_do_the_same() -> None:
    one = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1, "y": [2]}'}}
    other = {"id": "call_2", "type": "function", "function": {"arguments": '{"y":[2.0],"x":1}', "name": "f"}}
    third = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x": 2}'}}
    assert canonical_json([one]) == canonical_json([other])
    assert canonical_json([one]) != canonical_json([third])


def test_an_identifier_outside_a_call_counts() -> None:
    assert canonical_json({"id": 1}) != canonical_json({"id": 2})


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        ' {"a": 1.0} ',
        '```json\n{"a": 1}\n```',
    ],
)
def test_a_response_that_is_an_object(text: str) -> None:
    assert whole_object(text) == '{"a":1}'


@pytest.mark.parametrize(
    "text", ["", "5", '"a"', '{"a": 1} so', "{a}", '{"a": NaN}', '{"a": 1e999}', "[" * 100_000]
)
def test_a_response_that_is_none(text: str) -> None:
    assert whole_object(text) is None


def test_calls_in_tags() -> None:
    text = '<tool_call>\n{"name": "f", "arguments": {"x": "a < b"}}\n</tool_call>'
    assert whole_object(text) == '[{"arguments":{"x":"a < b"},"name":"f"}]'
    assert find_object(f"I call it.\n{text}") == whole_object(text)


@pytest.mark.parametrize(
    ("text", "field", "answer"),
    [
        ('{"answer": 5}', "answer", "5"),
        ('{"answer": "5.0"}', "answer", "5"),
        ('Sure:\n```json\n{"answer": "Blue"}\n```\nDone.', "answer", "blue"),
        ('I say {"result": {"answer": [1, 2]}} at last', "result.answer", "[1,2]"),
        ('{"answer": null}', "answer", None),
        ('{"answer": true}', "answer", "true"),
        ('{"other": 5}', "answer", None),
        ("no object", "answer", None),
        ('x {"a": 1} y', None, '{"a":1}'),
        ('thinking {of braces}\n{"a": 2}', None, '{"a":2}'),
        ('{"a": 1} and then {"a": {"b": 2}} }', None, '{"a":{"b":2}}'),
        ('{ open {"a": 2}', None, '{"a":2}'),
        ('so: {"a": "}{"} it is', None, '{"a":"}{"}'),
        ("5", None, None),
    ],
)
def test_find(text: str, field: str | None, answer: str | None) -> None:
    assert find_object(text, field) == answer


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=500, deadline=None)
@given(_JSON)
def test_writing_it_differently_changes_nothing(value: Any) -> None:
    again = json.loads(json.dumps(value, indent=2))
    assert canonical_json(again) == canonical_json(value)
    assert json.loads(canonical_json(value)) == value


@pytest.mark.parametrize(
    "text",
    ['{"a":' * 100_000, "[1," * 100_000, "<tool_call>" * 50_000, "```\n" * 100_000, "{" + "1," * 300_000],
)
def test_a_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    started = time.process_time()
    find_object(text)
    find_object(text, "a.b")
    whole_object(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1000.0, "1000"),
        (2.0**53 - 1, "9007199254740991"),
        (-(2.0**53) + 1, "-9007199254740991"),
        (2.0**53, "9007199254740992.0"),
        (0.5, "0.5"),
    ],
)
def test_a_whole_number_that_a_float_holds_exactly_is_written_as_one(value: float, written: str) -> None:
    assert canonical_json(value) == written
