"""Messages: what assistants have replied goes back in, with the same text; what cannot be honoured is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessage
from openai.types.chat.parsed_chat_completion import ParsedChatCompletionMessage
from pydantic import BaseModel, TypeAdapter, ValidationError

from service.protocol.messages import ChatMessage
from strategies.base.field_errors import first_fault
from strategies.base.types import Message, ToolCall

READER: TypeAdapter[Any] = TypeAdapter(list[ChatMessage])
SDK: tuple[type[BaseModel], ...] = (ChatCompletionMessage, ParsedChatCompletionMessage[Any])
CITED = {"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 1, "title": "t", "url": "u"}}
CACHED = {"type": "ephemeral", "ttl": "5m"}


def read(message: dict[str, Any]) -> Message:
    (found,) = READER.validate_python([message])
    read: Message = found.message()
    return read


ASSISTANTS: list[tuple[dict[str, Any], str]] = [
    ({"content": "a", "refusal": None}, "a"),
    ({"content": "a"} | dict.fromkeys(("refusal", "annotations", "audio", "function_call", "tool_calls")), "a"),
    ({"content": "a", "refusal": None, "annotations": [], "tool_calls": []}, "a"),
    ({"content": "a", "annotations": [CITED]}, "a"),
    ({"content": None}, ""),
    ({}, ""),
    ({"content": None, "refusal": "I will not."}, "I will not."),
    ({"content": "a", "refusal": "b"}, "a\nb"),
    ({"content": "a", "name": None, "parsed": {"a": 1}}, "a"),
    # vLLM's reply
    (
        {"content": "a", "refusal": None, "annotations": None, "audio": None, "function_call": None, "tool_calls": [],
         "reasoning": None},
        "a",
    ),
    # LangChain's message classes, as langchain-openai 1.7 writes them
    ({"content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}]}, "a\nno"),
    ({"content": [{"type": "text", "text": "a"}]}, "a"),
    ({"content": []}, ""),
]  # fmt: skip


CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(("fields", "text"), ASSISTANTS, ids=str)
def test_a_reply_of_an_assistant_goes_back_in(fields: dict[str, Any], text: str) -> None:
    assert read({"role": "assistant", **fields}) == Message("assistant", text)


def test_the_calls_and_the_reasoning_of_a_reply_go_back_in_and_its_tool_answers() -> None:
    called = read({"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning": "b"})
    assert called == Message("assistant", "", None, (ToolCall("f", "{}", "1"),), None, "b")
    assert read({"role": "assistant", "content": "a", "reasoning_content": "b"}).reasoning == "b"
    answered = read({"role": "tool", "content": "4", "tool_call_id": "1", "name": "f"})
    assert answered == Message("tool", "4", "f", tool_call_id="1")


OPTIONAL = {
    "refusal": st.none() | st.text(),
    "annotations": st.none() | st.lists(st.just(CITED), max_size=2),
    "audio": st.none(),
    "function_call": st.none(),
    "tool_calls": st.none() | st.just([]),
}


@pytest.mark.parametrize("dump", [{}, {"exclude_unset": True}, {"exclude_none": True}], ids=str)
@given(fields=st.fixed_dictionaries({"content": st.none() | st.text()}, optional=OPTIONAL))
def test_every_message_of_the_openai_sdk_goes_back_in(dump: dict[str, Any], fields: dict[str, Any]) -> None:
    for kind in SDK:
        message = kind.model_validate({"role": "assistant", **fields})
        expected = "\n".join(text for text in (fields["content"], fields.get("refusal")) if text)
        assert read(message.model_dump(mode="json", **dump)) == Message("assistant", expected)


class Answer(BaseModel):
    value: int


def test_a_parsed_reply_goes_back_in() -> None:
    message = ParsedChatCompletionMessage[Answer](
        role="assistant", content='{"value": 4}', parsed=Answer(value=4)
    )
    assert read(message.model_dump(mode="json")).content == '{"value": 4}'


@given(st.lists(st.text(), min_size=1), st.sampled_from(["system", "developer", "user", "assistant"]))
def test_parts_are_joined_by_a_newline_as_in_vllm(texts: list[str], role: str) -> None:
    parts = [{"type": "text", "text": text} for text in texts]
    assert read({"role": role, "content": parts}).content == "\n".join(texts)


@pytest.mark.parametrize("hint", [CACHED, {"type": "ephemeral"}, None], ids=str)
@pytest.mark.parametrize("field", ["cache_control", "prompt_cache_breakpoint"])
@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_hints_to_a_cache_change_nothing(role: str, field: str, hint: dict[str, Any] | None) -> None:
    parts = [{"type": "text", "text": "a", field: hint}]
    assert read({"role": role, "content": parts}) == Message(role, "a")


def test_developer_is_system() -> None:
    assert read({"role": "developer", "content": "a"}) == Message("system", "a")


@pytest.mark.parametrize(
    ("message", "path", "kind"),
    [
        ({"role": "assistant", "content": "a", "tool_calls": [{"id": "1"}]}, "0.tool_calls.0.function", "missing"),
        ({"role": "assistant", "content": "a", "function_call": CALL["function"]}, "0.function_call", "unsupported"),
        ({"role": "assistant", "content": "a", "audio": {"id": "x"}}, "0.audio", "unsupported"),
        ({"role": "user", "content": "a", "name": 5}, "0.name", "string_type"),
        ({"role": "assistant", "content": 5}, "0.content", "string_type"),
        ({"role": "user", "content": None}, "0.content", "string_type"),
        ({"role": "system"}, "0.content", "missing"),
        ({"role": "user", "content": "a", "refusal": None}, "0.refusal", "extra_forbidden"),
        ({"role": "user", "content": [{"type": "refusal", "refusal": "a"}]}, "0.content.0.type", "literal_error"),
        ({"role": "assistant", "content": [{"type": "image_url"}]}, "0.content.0.type", "union_tag_invalid"),
        ({"role": "tool", "content": "a"}, "0.tool_call_id", "missing"),
        ({"role": "function", "content": "a"}, "0.role", "union_tag_invalid"),
        ({"content": "a"}, "0.role", "union_tag_not_found"),
        ({"role": "user", "content": [{"type": "text", "text": "a", "cache_control": 1}]},
         "0.content.0.cache_control", "dict_type"),
        ("hello", "0", "model_attributes_type"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_is_named(message: Any, path: str, kind: str) -> None:
    with pytest.raises(ValidationError) as refused:
        READER.validate_python([message])
    fault = first_fault(refused.value.errors(), [message])
    assert (fault.path, fault.kind) == (path, kind)
