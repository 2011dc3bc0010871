"""The messages of a chat in OpenAI's shape; what an assistant has replied, here or elsewhere, goes back in as it came.

What only describes an earlier reply to its reader is taken and changes nothing: `annotations`, `parsed` (the OpenAI
SDK's own reading of the content), and earlier reasoning, which the templates of reasoning models drop as well. So do
hints to a cache: the prefix cache keeps every prompt without being told.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from strategies.base.types import Message


def _unsupported(reason: str, *neutral: object) -> BeforeValidator:
    """A field that may be null or ask for nothing; anything else is refused with the reason."""

    def check(value: object) -> None:
        if value is not None and value not in neutral:
            raise PydanticCustomError("unsupported", "{reason}", {"reason": reason})

    return BeforeValidator(check)


NoName = Annotated[None, _unsupported("participants have no names here")]
NoAudio = Annotated[None, _unsupported("only text is served")]
NoCall = Annotated[None, _unsupported("tool calls are not served", [])]
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


class SystemMessage(_Shape):
    """Instructions; `developer` is the newer name of `system`, and templates know only the older one."""

    role: Literal["system", "developer"]
    content: str | list[TextPart]
    name: NoName = None

    def message(self) -> Message:
        return Message("system", text_of(self.content))


class UserMessage(_Shape):
    """What the user says: a string, or parts of type `text`."""

    role: Literal["user"]
    content: str | list[TextPart]
    name: NoName = None

    def message(self) -> Message:
        return Message("user", text_of(self.content))


class AssistantMessage(_Shape):
    """An earlier reply; one that declined says so in `refusal`, with or without content."""

    role: Literal["assistant"]
    content: str | list[Annotated[TextPart | RefusalPart, Field(discriminator="type")]] | None = None
    refusal: str | None = None
    name: NoName = None
    annotations: list[dict[str, Any]] | None = None
    parsed: Any = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    audio: NoAudio = None
    function_call: NoCall = None
    tool_calls: NoCall = None

    def message(self) -> Message:
        said = (text_of(self.content or ""), self.refusal or "")
        return Message("assistant", "\n".join(text for text in said if text))


ChatMessage = Annotated[SystemMessage | UserMessage | AssistantMessage, Field(discriminator="role")]
"""One turn of a chat, read by its role."""


def text_of(content: str | Sequence[TextPart | RefusalPart]) -> str:
    """The text of a message; its parts are joined by a newline, as vLLM joins them."""
    return content if isinstance(content, str) else "\n".join(part.said for part in content)
