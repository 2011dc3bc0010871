"""The variables of a chat template that a request sets: known to the template, or refused by name."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from strategies.base.errors import InvalidRequest, Unsupported
from strategies.base.types import Prompt

OURS: Final = frozenset(
    {"messages", "tools", "documents", "add_generation_prompt", "continue_final_message", "raise_exception"}
    | {"strftime_now", "bos_token", "eos_token", "pad_token", "unk_token", "chat_template", "tokenize"}
)
"""What is not the caller's to set, whether or not a template mentions it."""

_PLAIN_EFFORTS: Final = frozenset({"none", "medium"})
"""OpenAI's efforts that ask a model without levels for nothing: no thinking, and the default."""


@lru_cache(maxsize=32)
def declared(template: str) -> frozenset[str]:
    """The variables that a template reads."""
    from jinja2 import meta
    from transformers.utils.chat_template_utils import _compile_jinja_template

    environment: Any = _compile_jinja_template(template).environment
    return frozenset(meta.find_undeclared_variables(environment.parse(template)))


def variables_of(prompt: Prompt, known: frozenset[str]) -> dict[str, Any]:
    """What the prompt sets of the template's variables `known`; an error names what the template does not know.

    As in vLLM a reasoning effort also turns thinking on or off where the template can, unless the caller does.
    """
    given: Mapping[str, Any] = prompt.template_kwargs
    if unknown := sorted(given.keys() - (known - OURS)):
        there = ", ".join(sorted(known - OURS)) or "none"
        message = f"the chat template has no variable {unknown[0][:64]!r} to set; there are: {there}"
        raise InvalidRequest(message, param=f"chat_template_kwargs.{unknown[0][:64]}")
    effort = prompt.reasoning_effort
    if effort is None:
        return dict(given)
    derived = {"reasoning_effort": effort, "enable_thinking": effort != "none"}
    told = {name: value for name, value in derived.items() if name in known}
    if not told and effort not in _PLAIN_EFFORTS:
        raise Unsupported("the model's chat template knows no reasoning effort", param="reasoning_effort")
    return told | dict(given)


def strings_in(value: Any) -> list[str]:
    """Every string in a JSON value, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in strings_in(item)]
    return [text for item in value for text in strings_in(item)] if isinstance(value, list) else []
