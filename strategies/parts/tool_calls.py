"""Calls of tools in one spelling, so that calls which would do the same vote as one; and calls found in plain text."""

import json
import math
from collections.abc import Collection, Sequence
from typing import Any, Final, Literal

from strategies.base.types import ToolCall

ToolVote = Literal["name", "arguments", "call", "calls"]
"""What of a response's calls is compared."""

OPEN: Final = "<tool_call>"
CLOSE: Final = "</tool_call>"


def canonical_calls(
    calls: Sequence[ToolCall], vote: ToolVote = "calls", exclude: Collection[str] = ()
) -> str:
    """The key of calls: arguments as JSON values, the order of keys and of calls free, identifiers left out.

    `name` and `arguments` compare that part of every call, `call` the first call alone. Arguments named in `exclude`
    do not count. Arguments that are no JSON are compared as the text that they are.
    """
    counted = calls[:1] if vote == "call" else calls
    return f"[{','.join(sorted(_spelled(call, vote, exclude) for call in counted))}]"


def _spelled(call: ToolCall, vote: ToolVote, exclude: Collection[str]) -> str:
    if vote == "name":
        return _dumped(call.name)
    try:
        arguments = plain(json.loads(call.arguments, parse_constant=_refuse))
    except (ValueError, RecursionError):
        arguments = call.arguments
    if isinstance(arguments, dict):
        arguments = {name: value for name, value in arguments.items() if name not in exclude}
    return _dumped(arguments if vote == "arguments" else {"name": call.name, "arguments": arguments})


def plain(value: Any) -> Any:
    """A JSON value in which equal numbers are written alike: 1.0 is 1. ValueError for a number without end."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number without end is no JSON")
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return value


def find_calls(text: str) -> tuple[str, tuple[ToolCall, ...], bool]:
    """What a text says before its calls, its calls in the tags of the Hermes format, and whether all could be read.

    A call is an object with a `name` and its `arguments` (or `parameters`). Without a tag all of the text is said.
    """
    said, *blocks = text.split(OPEN)
    calls = [_call(block.partition(CLOSE)[0]) for block in blocks]
    found = tuple(call for call in calls if call is not None)
    return said, found, len(found) == len(calls)


def read_calls(text: str, named: str | None = None) -> tuple[ToolCall, ...] | None:
    """The calls of a response that a grammar held to them: a list, or of a function that is `named` its arguments.

    None where they cannot be read, as in a response that was cut off.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if named is not None:
        return (ToolCall(named, text.strip()),)
    calls = [_of(item) for item in value] if isinstance(value, list) and value else [None]
    return None if None in calls else tuple(call for call in calls if call is not None)


def _call(block: str) -> ToolCall | None:
    try:
        return _of(json.loads(block, parse_constant=_refuse))
    except (ValueError, RecursionError):
        return None


def _of(value: Any) -> ToolCall | None:
    """Arguments that come as a string of JSON stay the string that they are."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    arguments = value.get("arguments", value.get("parameters", {}))
    told = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(value["name"], told)


def _dumped(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")
