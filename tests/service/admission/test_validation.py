"""Each bound of the operator's is a bound: what is at it passes, what is one beyond is refused by name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.admission.settings import Limits
from service.admission.validation import check_count, check_prompt, is_deeper
from strategies.base.errors import InvalidRequest
from strategies.base.types import Decoding, Message, Prompt

LIMITS = Limits(
    max_messages=2, max_stops=2, max_stop_chars=3, max_logprobs=4, max_schema_bytes=40, max_schema_depth=2
)
CHAT = (Message("user", "x"),)


def nested(depth: int) -> Any:
    """An object with `depth` levels."""
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def chat(**decoding: Any) -> Prompt:
    return Prompt(CHAT, decoding=Decoding(**decoding))


@pytest.mark.parametrize(
    ("prompt", "param"),
    [
        (Prompt(CHAT * 3), "messages"),
        (chat(stop=("a", "b", "c")), "stop"),
        (chat(stop=("abcd",)), "stop"),
        (chat(stop=("",)), "stop"),
        (chat(logprobs=5), "top_logprobs"),
        (Prompt(text="x", decoding=Decoding(logprobs=5)), "logprobs"),
        (chat(json_schema=json.dumps(nested(3))), "response_format"),
        (chat(json_schema=json.dumps({"a": "b" * 32})), "response_format"),
    ],
)
def test_one_beyond_is_refused_by_name(prompt: Prompt, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_prompt(prompt, LIMITS)
    assert refused.value.param == param


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(CHAT * 2),
        chat(stop=("abc", "b")),
        chat(logprobs=4),
        Prompt(text="x", decoding=Decoding(logprobs=4)),
        chat(json_schema=json.dumps(nested(2))),
        chat(json_schema=json.dumps({"a": "b" * 31})),
    ],
)
def test_at_the_bound_passes(prompt: Prompt) -> None:
    check_prompt(prompt, LIMITS)


def test_a_count_names_its_field() -> None:
    check_count("ab", 2, "texts")
    with pytest.raises(InvalidRequest) as refused:
        check_count("abc", 2, "texts")
    assert refused.value.param == "texts"


def slow_depth(value: object) -> int:
    """By the definition: a scalar has no level, a container one more than its deepest member."""
    if isinstance(value, dict):
        return 1 + max(map(slow_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(slow_depth, value), default=0)
    return 0


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.integers(0, 8))
def test_depth_is_counted_in_containers(value: object, most: int) -> None:
    assert is_deeper(value, most) == (slow_depth(value) > most)
