"""A response that calls tools, as a scorer is asked about it: text with the calls in it, and the calls themselves."""

import json
from collections.abc import Sequence

from strategies.base.types import ToolCall


class Response(str):
    """Text for scorers that read text alone; `content` and `tool_calls` for those whose template tells them apart."""

    __slots__ = ("content", "tool_calls")
    content: str
    tool_calls: tuple[ToolCall, ...]

    @staticmethod
    def of(content: str, calls: Sequence[ToolCall]) -> str:
        """Plain text where nothing is called."""
        if not calls:
            return content
        told = Response("\n".join([*([content] if content else []), *map(_written, calls)]))
        told.content, told.tool_calls = content, tuple(calls)
        return told


def _written(call: ToolCall) -> str:
    """In the tags of the Hermes format."""
    name = json.dumps(call.name, ensure_ascii=False)
    return f'<tool_call>\n{{"name": {name}, "arguments": {call.arguments}}}\n</tool_call>'
