"""Tools in OpenAI's shape: what may be called, and whether it must be; and calls as a reply tells them."""

import secrets
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from strategies.base.errors import InvalidRequest
from strategies.base.types import ToolCall, Tools
from strategies.parts.tool_schemas import check_schema


class OfferedFunction(BaseModel):
    """A function: its name, what it is for, and a JSON schema of its arguments."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(BaseModel):
    """Something that the model may call."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["function"]
    function: OfferedFunction


class FunctionName(BaseModel):
    """The name of one function."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(max_length=64)


class NamedTool(BaseModel):
    """The one function that has to be called."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["function"]
    function: FunctionName


Choice = Literal["none", "auto", "required"] | NamedTool


def tools_of(offered: Sequence[Tool], choice: Choice | None, *, parallel: bool) -> Tools | None:
    """The tools of a request; InvalidRequest names what is wrong with a schema or a choice."""
    if not offered:
        if choice not in (None, "none"):
            raise InvalidRequest("tool_choice is for requests with tools", param="tool_choice")
        return None
    names = [tool.function.name for tool in offered]
    if len(set(names)) < len(names):
        raise InvalidRequest("two tools have the same name", param="tools")
    for i, tool in enumerate(offered):
        try:
            check_schema(tool.function.parameters or {})
        except ValueError as error:
            raise InvalidRequest(str(error), param=f"tools.{i}.function.parameters") from None
    told = tuple(tool.model_dump(exclude_none=True) for tool in offered)
    if not isinstance(choice, NamedTool):
        return Tools(told, choice or "auto", parallel=parallel)
    if choice.function.name not in names:
        message = f"tool_choice names {choice.function.name!r}; offered are: {', '.join(names)}"
        raise InvalidRequest(message, param="tool_choice")
    return Tools(told, "named", choice.function.name, parallel)


def calls_out(calls: Sequence[ToolCall], *, streamed: bool = False) -> dict[str, Any]:
    """`tool_calls` of a message, or of a delta that tells them whole; nothing where nothing is called."""
    told: list[dict[str, Any]] = [
        {
            "id": call.id or f"call_{secrets.token_hex(12)}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in calls
    ]
    if streamed:
        told = [{"index": i, **call} for i, call in enumerate(told)]
    return {"tool_calls": told} if told else {}
