"""The messages of a chat in OpenAI's shape; what an assistant has replied, here or elsewhere, goes back in as it came.

What only describes an earlier reply to its reader is taken and changes nothing: `annotations`, and `parsed` (the OpenAI
SDK's own reading of the content). So do hints to a cache: the prefix cache keeps every prompt without being told.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from strategies.base.types import Message, ToolCall


def _unsupported(reason: str, *neutral: object) -> BeforeValidator:
    """A field that may be null or ask for nothing; anything else is refused with the reason."""

    def check(value: object) -> None:
        if value is not None and value not in neutral:
            raise PydanticCustomError("unsupported", "{reason}", {"reason": reason})

    return BeforeValidator(check)


Name = Annotated[
    str | None, Field(max_length=256, description="Who speaks; the chat template says what it changes.")
]
NoAudio = Annotated[None, _unsupported("only text is served")]
NoCall = Annotated[None, _unsupported("it is OpenAI's older form; send `tool_calls`")]
CacheHint = dict[str, Any] | None


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TextPart(_Shape):
    """A piece of text; `cache_control` is Anthropic's hint, `prompt_cache_breakpoint` OpenAI's."""

    type: Literal["text"]
    text: str
    cache_control: CacheHint = None
    prompt_cache_breakpoint: CacheHint = None

    @property
    def said(self) -> str:
        return self.text


class RefusalPart(_Shape):
    """What an assistant said when it declined."""

    type: Literal["refusal"]
    refusal: str

    @property
    def said(self) -> str:
        return self.refusal


class CalledFunction(_Shape):
    """The function of a call, with its arguments as JSON; `parsed_arguments` is the OpenAI SDK's reading of them."""

    name: str = Field(min_length=1, max_length=256)
    arguments: str
    parsed_arguments: Any = None


class CallPart(_Shape):
    """A call that an earlier reply made."""

    id: str = Field(max_length=256)
    type: Literal["function"] = "function"
    function: CalledFunction
    index: int | None = None

    def call(self) -> ToolCall:
        return ToolCall(self.function.name, self.function.arguments, self.id)


class SystemMessage(_Shape):
    """Instructions; `developer` is the newer name of `system`, and templates know only the older one."""

    role: Literal["system", "developer"]
    content: str | list[TextPart]
    name: Name = None

    def message(self) -> Message:
        return Message("system", text_of(self.content), self.name)


class UserMessage(_Shape):
    """What the user says: a string, or parts of type `text`."""

    role: Literal["user"]
    content: str | list[TextPart]
    name: Name = None

    def message(self) -> Message:
        return Message("user", text_of(self.content), self.name)


class ToolMessage(_Shape):
    """What a tool answered to the call with that id."""

    role: Literal["tool"]
    content: str | list[TextPart]
    tool_call_id: str = Field(max_length=256, description="The call that a turn of a tool answers.")
    name: Name = None

    def message(self) -> Message:
        return Message("tool", text_of(self.content), self.name, tool_call_id=self.tool_call_id)


class AssistantMessage(_Shape):
    """An earlier reply; one that declined says so in `refusal`, and one may call tools, with or without content."""

    role: Literal["assistant"]
    content: str | list[Annotated[TextPart | RefusalPart, Field(discriminator="type")]] | None = None
    refusal: str | None = None
    name: Name = None
    annotations: list[dict[str, Any]] | None = None
    parsed: Any = None
    reasoning: str | None = Field(None, description="What an earlier reply thought.")
    reasoning_content: str | None = Field(None, description="The older name of reasoning.")
    audio: NoAudio = None
    function_call: NoCall = None
    tool_calls: list[CallPart] | None = Field(None, max_length=128)

    def message(self) -> Message:
        said = (text_of(self.content or ""), self.refusal or "")
        return Message(
            "assistant",
            "\n".join(text for text in said if text),
            self.name,
            tuple(part.call() for part in self.tool_calls or ()),
            None,
            self.reasoning if self.reasoning is not None else self.reasoning_content,
        )


ChatMessage = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]
"""One turn of a chat, read by its role."""


def text_of(content: str | Sequence[TextPart | RefusalPart]) -> str:
    """The text of a message; its parts are joined by a newline, as vLLM joins them."""
    return content if isinstance(content, str) else "\n".join(part.said for part in content)
