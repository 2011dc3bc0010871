"""The templates: the reward model sees the last question and its answer, and ends at the end marker."""

import jinja2
import pytest

from service.embedded.chat_templates import (
    END,
    GENERATOR_TEMPLATE,
    REWARD_TEMPLATE,
    START,
    SYSTEM,
    TOOLS_TEMPLATE,
    dialog,
    question_prefix,
)


def rendered(template: str, messages: list[dict[str, str]], *, add_generation_prompt: bool = False) -> str:
    return (
        jinja2.Environment()
        .from_string(template)
        .render(messages=messages, add_generation_prompt=add_generation_prompt)
    )


EXAMPLES = [{"role": "system", "content": "Be brief."}, *dialog("Old?", "old"), *dialog("Older?", "older")]


@pytest.mark.parametrize(
    "before", [[], EXAMPLES[1:], EXAMPLES], ids=["alone", "after examples", "after a system prompt"]
)
def test_only_the_last_turn_is_rendered(before: list[dict[str, str]]) -> None:
    text = rendered(REWARD_TEMPLATE, [*before, *dialog("New?", "new")])
    assert text == f"{START}user\nNew?{END}\n{START}assistant\nnew{END}"


def test_the_prefix_is_what_the_template_renders_before_the_answer() -> None:
    assert rendered(REWARD_TEMPLATE, dialog("New?", "new")) == question_prefix("New?") + "new" + END
    prompt = rendered(REWARD_TEMPLATE, dialog("New?", "")[:1], add_generation_prompt=True)
    assert prompt == question_prefix("New?")


def test_the_generator_sees_the_whole_chat_and_a_system_prompt() -> None:
    text = rendered(GENERATOR_TEMPLATE, [*EXAMPLES[1:3], EXAMPLES[3]], add_generation_prompt=True)
    assert text.startswith(f"{START}system\n{SYSTEM}{END}\n{START}user\nOld?{END}\n")
    assert text.endswith(f"{START}user\nOlder?{END}\n{START}assistant\n")
    assert SYSTEM not in rendered(GENERATOR_TEMPLATE, EXAMPLES)


def test_with_tools_at_hand_a_chat_without_them_is_the_same() -> None:
    for chat in (EXAMPLES, [*EXAMPLES[1:3], EXAMPLES[3]]):
        for ask in (True, False):
            plain = rendered(GENERATOR_TEMPLATE, chat, add_generation_prompt=ask)
            assert rendered(TOOLS_TEMPLATE, chat, add_generation_prompt=ask) == plain
