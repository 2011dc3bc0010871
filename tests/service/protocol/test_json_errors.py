"""What is wrong with a body that is no JSON is said by name: which value, in which field, at which place."""

import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.protocol.json_errors import JsonFault, json_fault


def fault(data: bytes) -> JsonFault:
    with pytest.raises(orjson.JSONDecodeError) as refused:
        orjson.loads(data)
    return json_fault(data, refused.value)


VALUES: list[tuple[bytes, str, str]] = [
    (b'{"temperature": NaN}', "temperature", "NaN is no number"),
    (b'{"temperature": Infinity}', "temperature", "Infinity is no number"),
    (b'{"top_p": -Infinity}', "top_p", "-Infinity is no number"),
    (b'{"strategy": {"budget": {"deadline_ms": NaN}}}', "strategy.budget.deadline_ms", "NaN"),
    (b'{"temperature": 1e999}', "temperature", "1e999 is beyond the range of a double"),
    (b'{"temperature": -1e400}', "temperature", "-1e400 is beyond"),
    (b'{"logit_bias": {"5": 1E+309}}', "logit_bias.5", "1E\\+309 is beyond"),
    (b'{"seed": ' + b"1" * 5000 + b"}", "seed", "a number of 5000 characters is beyond"),
    (b'{"seed": -' + b"9" * 400 + b"}", "seed", "a number of 401 characters is beyond"),
    (b'{"n": 1' + b"0" * 20_000 + b"}", "n", "a number of 20001 characters"),
    (
        b'{"messages": [{"role": "user", "content": "a\\ud800"}]}',
        "messages.0.content",
        "lone surrogate, \\\\ud800",
    ),
    (b'{"stop": ["x", "\\udfff"]}', "stop.1", "lone surrogate, \\\\udfff"),
    (b'{"prompt": "\\ud83d!"}', "prompt", "\\\\ud83d"),
    (b'{"metadata": {"\\udc00": "x"}}', "metadata", "a name with a lone surrogate"),
]


@pytest.mark.parametrize(("data", "param", "what"), VALUES, ids=lambda value: str(value)[:40])
def test_a_value_that_json_has_not_is_named_with_its_field(data: bytes, param: str, what: str) -> None:
    found = fault(data)
    assert found.param == param
    with pytest.raises(ValueError, match=rf"^{param}: .*{what}.*\(line 1, column \d+\)$"):
        raise ValueError(found.message)


SYNTAX: list[tuple[bytes, str]] = [
    (b'{"n": 1,}', "trailing comma is not allowed (line 1, column 8)"),
    (b'{"n": 1}\n x', "unexpected content after document (line 2, column 2)"),
    (b"{'n': 1}", "expected a string key (line 1, column 2)"),
    (b'{"n": 01}', "leading zero"),
    (b'{"n": tru}', "invalid literal"),
    (b'{"n": "', "unexpected end"),
    (b"model=scripted", "(line 1, column 1)"),
]


@pytest.mark.parametrize(("data", "told"), SYNTAX)
def test_a_fault_of_syntax_is_told_with_its_place(data: bytes, told: str) -> None:
    found = fault(data)
    assert found.param is None
    assert found.message.startswith("the body is not JSON: ")
    assert told in found.message


ENCODINGS: list[tuple[bytes, str]] = [
    (b"\x1f\x8b\x08\x00abc", "compressed (gzip)"),
    (b"\x28\xb5\x2f\xfdabc", "compressed (zstd)"),
    (b"\x78\x9cabc", "compressed (deflate)"),
    (b"\xef\xbb\xbf{}", "byte order mark of UTF-8"),
    ('{"a": 1}'.encode("utf-16"), "byte order mark of UTF-16"),
    (b'{"a": "\xff"}', "byte 0xff at offset 7"),
    ('{"a": "é"}'.encode("latin-1"), "byte 0xe9 at offset 7"),
]


@pytest.mark.parametrize(("data", "told"), ENCODINGS)
def test_an_encoding_is_told_for_what_it_is(data: bytes, told: str) -> None:
    assert told in fault(data).message


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(
    PLAIN,
    st.lists(st.sampled_from("abc") | st.integers(0, 2), max_size=4),
    st.sampled_from([math.nan, math.inf]),
)
def test_wherever_it_is_its_path_is_found(around: Any, path: list[str | int], value: float) -> None:
    body: Any = value
    for step in reversed(path):
        body = [around] * step + [body] if isinstance(step, int) else {"_": around, step: body}
    found = fault(json.dumps(body).encode())
    assert found.param == (".".join(map(str, path)) or None)


def test_nesting_without_end_is_a_fault_of_syntax_alone() -> None:
    assert fault(b'{"a": ' * 1000 + b"x").param is None
