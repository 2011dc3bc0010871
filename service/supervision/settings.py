"""How soon a lost engine is noticed, and how often it is started again."""

from pydantic import Field

from strategies.base.frozen_model import FrozenModel


class SupervisionSettings(FrozenModel):
    """The watch over the generator and the reward models."""

    heartbeat_s: float = Field(1.0, gt=0, description="Seconds between two questions to each engine.")
    hang_timeout_s: float = Field(
        30.0, gt=0, description="Seconds without an answer after which an engine is taken to hang."
    )
    max_restarts: int = Field(3, ge=0, description="Restarts of one engine within the window; then exit 1.")
    restart_window_s: float = Field(600.0, gt=0, description="The window for `max_restarts`, in seconds.")
    start_timeout_s: float = Field(600.0, gt=0, description="Seconds that one restart may take.")
