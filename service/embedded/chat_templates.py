"""The chat templates: the generator's sees the whole chat, the reward model's only the last question and its answer."""

from typing import Final

from service.embedded.problems.problems import Message

SYSTEM: Final = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
START: Final = "<|im_start|>"
END: Final = "<|im_end|>"

# The template that the base weights carry, kept here so that a build needs nothing from the tokenizer's metadata.
GENERATOR_TEMPLATE: Final = (
    "{% for message in messages %}"
    "{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\n" + SYSTEM + "<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

# The same for chats without tools; with them, they are described in the system's turn, in the Hermes format.
TOOLS_TEMPLATE: Final = (
    "{% macro offered() %}{{ '\n\n# Tools\n\nThese functions can be called, one on each line:\n' }}"
    "{% for tool in tools %}{{ tool | tojson }}{{ '\n' }}{% endfor %}"
    "{{ '\nTo call one, write its name and its arguments between tags:\n<tool_call>\n"
    '{"name": "function", "arguments": {}}'
    "\n</tool_call>' }}{% endmacro %}"
    "{% for message in messages %}"
    "{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\n"
    + SYSTEM
    + "' }}{% if tools %}{{ offered() }}{% endif %}{{ '<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] }}"
    "{% if loop.first and message['role'] == 'system' and tools %}{{ offered() }}{% endif %}"
    "{% for call in message['tool_calls'] or [] %}{{ '\n<tool_call>\n' }}"
    "{{ {'name': call['function']['name'], 'arguments': call['function']['arguments']} | tojson }}"
    "{{ '\n</tool_call>' }}{% endfor %}"
    "{{ '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

# The reward model was trained on single turns, so worked examples and earlier turns are left out. The text ends
# at <|im_end|>, whose position carries the outcome score.
REWARD_TEMPLATE: Final = (
    "{% set last = namespace(user=0) %}"
    "{% for message in messages %}{% if message['role'] == 'user' %}"
    "{% set last.user = loop.index0 %}{% endif %}{% endfor %}"
    "{% for message in messages[last.user:] %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' }}"
    "{% if not loop.last or add_generation_prompt %}{{ '\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def question_prefix(question: str) -> str:
    """What the reward template renders before the answer."""
    return f"{START}user\n{question}{END}\n{START}assistant\n"


def dialog(question: str, answer: str) -> list[Message]:
    """One question with its answer, as the reward model reads it."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
