"""What a caller brings along to `select`."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field

from nbest_client._strategy import Parameters


class CandidateInput(Parameters):
    """A candidate drawn elsewhere; what it carries is used, what it lacks is extracted or scored."""

    text: str
    answer: str | None = None
    score: float | None = None
    step_scores: Annotated[list[float], Field(min_length=1, max_length=4096)] | None = None
    logprob: float | None = None
    """Sum over its tokens, in nats."""
    tokens: int | None = Field(None, ge=0)

    @classmethod
    def each(cls, candidates: Sequence[str | Self]) -> list[Self]:
        """All of them; a bare text is a candidate that carries nothing."""
        if isinstance(candidates, str):
            raise TypeError("candidates is a list of texts or of CandidateInput, not one text")
        return [cls(text=one) if isinstance(one, str) else one for one in candidates]
