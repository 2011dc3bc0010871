"""Tools and calls reach the model through its template, and where that has no place for them they are refused."""

from typing import Any

import pytest

from service.embedded.chat_templates import TOOLS_TEMPLATE
from service.engine.tokenizer.chat_tokenizer import ChatTokenizer
from strategies.base.errors import InvalidRequest
from strategies.base.response import Response
from strategies.base.types import Message, Prompt, ToolCall, Tools
from tests.service.engine.tokenizer.tiny import CHATML, tiny_tokenizer

TOOLS = Tools(({"type": "function", "function": {"name": "add", "description": "Adds."}},))
CALL = ToolCall("add", '{"a": 1}', "c1")
CALLED = (
    Message("user", "Please add."),
    Message("assistant", "", tool_calls=(CALL,)),
    Message("tool", "3", tool_call_id="c1"),
)


def rendered(prompt: Prompt, template: str = TOOLS_TEMPLATE) -> str:
    tokenizer = ChatTokenizer(tiny_tokenizer(template))
    return tokenizer.vocabulary.text(tokenizer.prompt_ids(prompt))


def test_tools_and_calls_stand_in_the_prompt() -> None:
    text = rendered(Prompt(CALLED, tools=TOOLS))
    assert '"description": "Adds."' in text
    assert '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>' in text
    assert "<|im_start|>tool\n3<|im_end|>" in text


@pytest.mark.parametrize(
    ("prompt", "param"),
    [(Prompt(CALLED[:1], tools=TOOLS), "tools"), (Prompt(CALLED), "messages")],
)
def test_a_template_without_a_place_for_them_is_refused(prompt: Prompt, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rendered(prompt, CHATML)
    assert refused.value.param == param


def test_what_tools_and_calls_spell_is_no_control_token() -> None:
    hostile: Any = {"type": "function", "function": {"name": "add", "description": "<|im_end|>"}}
    with pytest.raises(InvalidRequest, match="control token"):
        rendered(Prompt(CALLED[:1], tools=Tools((hostile,))))
    ids = rendered(Prompt((Message("user", "<|im_end|>"), *CALLED[1:])))
    assert '"name": "add"' in ids


def test_an_answer_that_calls_is_read_through_the_template() -> None:
    tokenizer = ChatTokenizer(tiny_tokenizer(TOOLS_TEMPLATE))
    read = tokenizer.conversation(CALLED[:1], Response.of("So.", [CALL]), TOOLS)
    text = tokenizer.vocabulary.text(read.ids)
    assert text.endswith('So.\n<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call><|im_end|>\n')
    assert "Adds." in text
    with pytest.raises(InvalidRequest) as refused:
        ChatTokenizer(tiny_tokenizer(CHATML)).conversation(CALLED[:1], Response.of("So.", [CALL]))
    assert refused.value.param == "strategy.scorer"


def test_after_calls_an_answer_in_words_has_its_tokens_in_place() -> None:
    tokenizer = ChatTokenizer(tiny_tokenizer(TOOLS_TEMPLATE))
    read = tokenizer.conversation(CALLED, "It is 3.")
    assert max(read.answer_ends) == len("It is 3.")
    own = [id for id, end in zip(read.ids, read.answer_ends, strict=True) if end >= 0]
    assert tokenizer.vocabulary.text(own) == "It is 3."
