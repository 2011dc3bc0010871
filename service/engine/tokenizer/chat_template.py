"""What a chat template does to a chat, learnt with stand-ins: no untrusted text passes through it unseen."""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from strategies.base.errors import InvalidRequest
from strategies.base.types import Message, ToolCall

ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
"""The roles that a chat may have; a `developer` message is rendered as `system`, which templates know."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the template puts content number `content`, and on which sides it strips it of white space."""

    content: int
    strips_left: bool
    strips_right: bool

    def fill(self, contents: Sequence[str]) -> str:
        text = contents[self.content]
        if self.strips_left:
            text = text.lstrip()
        return text.rstrip() if self.strips_right else text


Part = str | Slot
_KNOWN_AS = {"developer": "system"}
_SPACE = "\x1f"


def check_text(text: str, param: str) -> str:
    """The text itself if it can be encoded; InvalidRequest for half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            f"half of a surrogate pair stands at character {error.start}; send valid Unicode", param=param
        ) from None
    return text


def check_messages(messages: Sequence[Message]) -> None:
    """InvalidRequest, naming the field, for an empty chat, an unknown role or text that cannot be encoded."""
    if not messages:
        raise InvalidRequest("a chat needs at least one message", param="messages")
    for i, message in enumerate(messages):
        if message.role not in ROLES:
            known, seen = ", ".join(sorted(ROLES)), message.role[:64]
            raise InvalidRequest(f"unknown role {seen!r}; known: {known}", param=f"messages.{i}.role")
        check_text(message.content, f"messages.{i}.content")


def render(
    tokenizer: Any,
    turns: Sequence[tuple[str, str]],
    *,
    add_generation_prompt: bool,
    variables: Mapping[str, Any] | None = None,
    extras: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The chat as the template writes it; InvalidRequest where it refuses (say, the order of roles)."""
    if not tokenizer.chat_template:
        raise InvalidRequest("this model has no chat template: send a plain prompt", param="messages")
    chat: list[dict[str, Any]] = [
        {"role": _KNOWN_AS.get(role, role), "content": content} for role, content in turns
    ]
    for turn, extra in zip(chat, extras, strict=False):
        turn.update(extra)
    try:
        text: str = tokenizer.apply_chat_template(
            chat, tokenize=False, add_generation_prompt=add_generation_prompt, **(variables or {})
        )
    except (TemplateError, TypeError) as error:
        raise InvalidRequest(f"the chat template refuses this chat: {error}", param="messages") from None
    return text


def extras_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """What the turns have beside role and content, by the names that templates know."""
    return [_extra(message) for message in messages]


def _extra(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"name": message.name, "tool_call_id": message.tool_call_id}
    if message.reasoning is not None:
        told |= {"reasoning": message.reasoning, "reasoning_content": message.reasoning}
    if message.tool_calls:
        told["tool_calls"] = [_called(call) for call in message.tool_calls]
    return {key: value for key, value in told.items() if value is not None}


def _called(call: ToolCall) -> dict[str, Any]:
    """Templates write arguments as JSON themselves, so they are handed the object."""
    try:
        arguments: Any = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = call.arguments
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def check_place(tokenizer: Any, messages: Sequence[Message], param: str) -> None:
    """InvalidRequest where there are calls and the template leaves calls out: then the chat would be another."""
    if not any(message.tool_calls for message in messages):
        return
    name = secrets.token_hex(8)
    called = extras_of([Message("assistant", "", tool_calls=(ToolCall(name, "{}", "call_0"),))])
    turns = [("user", "?"), ("assistant", "")]
    text = render(tokenizer, turns, add_generation_prompt=False, extras=[{}, *called])
    if name not in text:
        raise InvalidRequest("the chat template has no place for tool calls", param=param)


def skeleton(
    tokenizer: Any,
    roles: Sequence[str],
    *,
    add_generation_prompt: bool,
    variables: Mapping[str, Any] | None = None,
    extras: Sequence[Mapping[str, Any]] = (),
) -> list[Part]:
    """The template's own text and the slots where it puts the contents; a content may have none or several.

    Random stand-ins take the contents' places, so nothing a caller wrote can be taken for one. On both sides
    they carry white space that no template writes, and what is left of it tells where the template strips.
    """
    key = secrets.token_hex(8)
    stand_ins = [(role, f"{_SPACE}{key}x{i}x{key}{_SPACE}") for i, role in enumerate(roles)]
    text = render(
        tokenizer, stand_ins, add_generation_prompt=add_generation_prompt, variables=variables, extras=extras
    )
    pieces = re.split(f"({_SPACE}?{key}x[0-9]+x{key}{_SPACE}?)", text)
    return [_slot(piece, key) if key in piece else piece for piece in pieces if piece]


def fill(parts: Sequence[Part], contents: Sequence[str]) -> list[str]:
    """The text of every part once the contents are in their slots."""
    return [part.fill(contents) if isinstance(part, Slot) else part for part in parts]


def answer_part(parts: Sequence[Part], content: int) -> int:
    """The place of the last slot, among `parts`, that holds the answer, which is content number `content`."""
    for i in reversed(range(len(parts))):
        part = parts[i]
        if isinstance(part, Slot) and part.content == content:
            return i
    raise InvalidRequest("the model's chat template leaves out the answer to this chat", param="messages")


def _slot(piece: str, key: str) -> Slot:
    number = int(piece.split(key)[1].strip("x"))
    return Slot(number, strips_left=not piece.startswith(_SPACE), strips_right=not piece.endswith(_SPACE))
