"""Settings of an implicit process reward model."""

from typing import Literal

from pydantic import Field

from service.reward_models.base.settings import SanityCheck
from service.reward_models.process.settings import ReadModel, Runner
from strategies.scores.implicit import BETA, Integration


class ImplicitScorer(ReadModel):
    """An implicit process reward model: how much likelier a trained model finds each step than its reference does."""

    backend: Literal["implicit"] = Field(description="What runs it.")
    runs_on: Runner = Field("vllm", description="What runs the two models.")
    model: str = Field(
        description="The trained model, the policy: a folder or repository with safetensors weights."
    )
    reference: str = Field(description="The model that its training began with; the same vocabulary.")
    beta: float = Field(BETA, gt=0, le=100, description="The log-likelihood ratio is multiplied by it.")
    integration: Integration = Field(
        "cumulative",
        description="A step's score: the sum from the answer's first token on, or its own tokens' sum.",
    )
    step_delimiter: str = Field("\n\n", min_length=1, description="What ends a step.")
    sanity_check: SanityCheck | None = Field(
        None, description="Before serving begins `chosen` must beat `rejected` (default: no check)."
    )

    @property
    def runner(self) -> Runner:
        return self.runs_on
