"""What one request may spend. The limits are stated here; `service.metering` enforces them, once, for all."""

from typing import Literal

from pydantic import Field

from strategies.base.frozen_model import FrozenModel


class Budget(FrozenModel):
    """Hard limits of one request; at each the best answer so far comes back, flagged, or at the deadline an error."""

    max_samples: int | None = Field(None, ge=1, description="Candidates drawn, at most.")
    max_completion_tokens: int | None = Field(
        None, ge=1, description="Tokens generated for the request, all candidates together, at most."
    )
    deadline_ms: int | None = Field(
        None, ge=1, le=590_000, description="Wall-clock milliseconds from the request's arrival, at most."
    )
    on_deadline: Literal["best_so_far", "error"] = Field(
        "best_so_far", description="At the deadline: the best answer so far, flagged, or the error 504."
    )
