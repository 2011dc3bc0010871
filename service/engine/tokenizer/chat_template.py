"""What a chat template does to a chat, learnt with stand-ins: no untrusted text passes through it unseen."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from strategies.base.errors import InvalidRequest
from strategies.base.types import Message

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
) -> str:
    """The chat as the template writes it; InvalidRequest where it refuses (say, the order of roles)."""
    if not tokenizer.chat_template:
        raise InvalidRequest("this model has no chat template: send a plain prompt", param="messages")
    chat = [{"role": _KNOWN_AS.get(role, role), "content": content} for role, content in turns]
    try:
        text: str = tokenizer.apply_chat_template(
            chat, tokenize=False, add_generation_prompt=add_generation_prompt, **(variables or {})
        )
    except (TemplateError, TypeError) as error:
        raise InvalidRequest(f"the chat template refuses this chat: {error}", param="messages") from None
    return text


def skeleton(
    tokenizer: Any,
    roles: Sequence[str],
    *,
    add_generation_prompt: bool,
    variables: Mapping[str, Any] | None = None,
) -> list[Part]:
    """The template's own text and the slots where it puts the contents; a content may have none or several.

    Random stand-ins take the contents' places, so nothing a caller wrote can be taken for one. On both sides
    they carry white space that no template writes, and what is left of it tells where the template strips.
    """
    key = secrets.token_hex(8)
    stand_ins = [(role, f"{_SPACE}{key}x{i}x{key}{_SPACE}") for i, role in enumerate(roles)]
    text = render(tokenizer, stand_ins, add_generation_prompt=add_generation_prompt, variables=variables)
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
