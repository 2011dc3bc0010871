"""From the content of a response to what it says and what it calls, where no parser of the model's own does."""

from collections.abc import Sequence
from dataclasses import replace

from strategies.base.types import Parts, ToolCall, Tools
from strategies.parts.tool_calls import OPEN, find_calls, read_calls
from strategies.parts.tool_schemas import flaw_of

UNREADABLE = "unreadable_tool_call"


def with_calls(parts: Parts, tools: Tools | None) -> Parts:
    """The parts with the calls that stand in the content: as a grammar held it, or in the tags of the Hermes format."""
    if tools is None or tools.choice == "none":
        return parts
    held = None if tools.choice == "auto" else read_calls(parts.content, tools.named)
    if held is not None:
        return checked(replace(parts, content=""), held, tools)
    if OPEN not in parts.content:
        return parts if tools.choice == "auto" else replace(parts, flaw=parts.flaw or UNREADABLE)
    said, calls, are_readable = find_calls(parts.content)
    flaw = parts.flaw or (None if are_readable else UNREADABLE)
    return checked(replace(parts, content=said if said.strip() else "", flaw=flaw), calls, tools)


def checked(parts: Parts, calls: Sequence[ToolCall], tools: Tools) -> Parts:
    """The parts with these calls, the first alone where only one is wanted; a call that breaks its schema is a flaw."""
    kept = tuple(calls) if tools.parallel else tuple(calls[:1])
    return replace(parts, tool_calls=kept, flaw=parts.flaw or flaw_of(kept, tools))
