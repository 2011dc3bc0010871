"""Bodies of our own routes: scoring texts, and selecting among candidates that the caller brings."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.protocol.chat import ChatMessage
from strategies.base.types import Candidate, Prompt, Score


class _Asked(BaseModel):
    """Something asked about a question, given as messages or as one text."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    messages: list[ChatMessage] | None = Field(None, min_length=1)
    prompt: str | None = None

    @model_validator(mode="after")
    def _one_question(self) -> "_Asked":
        if self.messages is not None and self.prompt is not None:
            raise ValueError("send messages or prompt, not both")
        return self

    @property
    def has_question(self) -> bool:
        return self.messages is not None or self.prompt is not None

    def question(self, k: int = 1) -> Prompt:
        return Prompt(tuple(message.message() for message in self.messages or ()), self.prompt, k=k)


class ScoreRequest(_Asked):
    """`POST /v1/score`: what a loaded scorer thinks of given responses."""

    scorer: str | None = Field(None, description="Name of a loaded scorer (default: the first).")
    texts: list[str] = Field(min_length=1, description="Responses to score.")

    @model_validator(mode="after")
    def _asked(self) -> "ScoreRequest":
        if not self.has_question:
            raise ValueError("messages or prompt: a response is scored as the answer to a question")
        return self


class GivenCandidate(BaseModel):
    """A candidate of the caller's; what it carries is used, what it lacks is extracted or scored."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    text: str
    answer: str | None = None
    score: float | None = None
    step_scores: list[float] | None = Field(None, min_length=1, max_length=4096)
    logprob: float | None = Field(None, description="Sum over its tokens, in nats.")
    tokens: int | None = Field(None, ge=0)

    @property
    def is_scored(self) -> bool:
        return self.score is not None or self.step_scores is not None

    def candidate(self, index: int) -> Candidate:
        score = Score(self.score, tuple(self.step_scores or ())) if self.is_scored else None
        return Candidate(
            index, self.text, self.tokens or 0, "stop", logprob=self.logprob, answer=self.answer, score=score
        )


class SelectRequest(_Asked):
    """`POST /v1/select`: the selection code of a strategy, on candidates drawn elsewhere."""

    strategy: dict[str, Any] = Field(description="The strategy and its parameters; `n` is ignored.")
    k: int = Field(1, ge=1, le=1024, description="How many to select.")
    candidates: list[GivenCandidate] = Field(min_length=1)
