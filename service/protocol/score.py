"""Bodies of our own routes: scoring texts, and selecting among candidates that the caller brings."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.protocol.messages import ChatMessage
from strategies.base.field_errors import WrongField
from strategies.base.types import Prompt


class PromptFields(BaseModel):
    """Something asked about a question, given as messages or as one text."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    messages: list[ChatMessage] | None = Field(None, min_length=1)
    prompt: str | None = None

    @model_validator(mode="after")
    def _one_question(self) -> "PromptFields":
        if self.messages is not None and self.prompt is not None:
            raise WrongField("prompt", "send messages or prompt, not both")
        return self

    @property
    def has_question(self) -> bool:
        return self.messages is not None or self.prompt is not None

    def question(self, k: int = 1) -> Prompt:
        return Prompt(tuple(message.message() for message in self.messages or ()), self.prompt, k=k)


class ScoreRequest(PromptFields):
    """`POST /v1/score`: what a loaded scorer thinks of given responses."""

    scorer: str | None = Field(None, description="Name of a loaded scorer (default: the first).")
    texts: list[str] = Field(min_length=1, description="Responses to score.")

    @model_validator(mode="after")
    def _asked(self) -> "ScoreRequest":
        if not self.has_question:
            raise WrongField(
                "messages", "send messages or prompt: a response is scored as the answer to a question"
            )
        return self
