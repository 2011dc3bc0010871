"""A request to choose among candidates that the caller brings."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.protocol.score import PromptFields
from strategies.base.types import Candidate, Score
from strategies.parts.thinking import split_thinking


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
            index,
            self.text,
            self.tokens or 0,
            "stop",
            logprob=self.logprob,
            answer=self.answer,
            score=score,
            parts=split_thinking(self.text),
        )


class SelectRequest(PromptFields):
    """`POST /v1/select`: the selection code of a strategy, on candidates drawn elsewhere."""

    strategy: dict[str, Any] = Field(description="The strategy and its parameters; `n` is ignored.")
    k: int = Field(1, ge=1, le=1024, description="How many to select.")
    candidates: list[GivenCandidate] = Field(min_length=1)
