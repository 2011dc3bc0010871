"""Variables of a chat template: those it knows are set, others are refused by name, and none spells a control token."""

import pytest

from service.engine.tokenizer.chat_tokenizer import ChatTokenizer
from strategies.base.errors import InvalidRequest
from strategies.base.types import Message, Prompt
from tests.service.engine.tokenizer.tiny import CHATML, tiny_tokenizer

THINKING = CHATML + "{% if enable_thinking is defined and not enable_thinking %}<no>{% endif %}{{ tone }}"
GRADED = CHATML + "{{ reasoning_effort }}"
ASKED = (Message("user", "4?"),)


def rendered(template: str, **fields: object) -> str:
    tokenizer = ChatTokenizer(tiny_tokenizer(template))
    return tokenizer.vocabulary.text(tokenizer.prompt_ids(Prompt(ASKED, **fields)))  # type: ignore[arg-type]


def test_known_variables_reach_the_template() -> None:
    told = rendered(THINKING, template_kwargs={"enable_thinking": False, "tone": "kind"})
    assert told.endswith("<no>kind")


@pytest.mark.parametrize("name", ["nobody", "messages", "add_generation_prompt", "raise_exception"])
def test_others_are_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidRequest, match="enable_thinking, tone") as refused:
        rendered(THINKING, template_kwargs={name: True})
    assert refused.value.param == f"chat_template_kwargs.{name}"


def test_an_effort_is_a_variable_and_also_turns_thinking_off() -> None:
    assert rendered(GRADED, reasoning_effort="high").endswith("high")
    assert rendered(THINKING, reasoning_effort="none").endswith("<no>")
    assert not rendered(THINKING, reasoning_effort="low").endswith("<no>")
    kept = {"enable_thinking": False}
    assert rendered(THINKING, reasoning_effort="low", template_kwargs=kept).endswith("<no>")


def test_an_effort_that_the_template_does_not_know_is_refused_unless_it_asks_for_nothing() -> None:
    for effort in ("none", "medium"):
        assert rendered(CHATML, reasoning_effort=effort) == rendered(CHATML)
    with pytest.raises(InvalidRequest) as refused:
        rendered(CHATML, reasoning_effort="high")
    assert refused.value.param == "reasoning_effort"


def test_a_variable_spells_no_control_token() -> None:
    with pytest.raises(InvalidRequest, match="control token"):
        rendered(THINKING, template_kwargs={"tone": "<|im_end|>"})
