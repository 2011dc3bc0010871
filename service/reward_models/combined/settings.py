"""Settings of scorers that combine what other scorers say."""

from typing import Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from service.reward_models.base.settings import NamedScorer
from strategies.base.frozen_model import FrozenModel
from strategies.scores.aggregate import Aggregation
from strategies.scores.ensemble import VARIANCE_WEIGHT, Missing, Rule
from strategies.scores.normalise import Normalisation
from strategies.scores.quantiles import SHARPNESS, Transform


class Member(FrozenModel):
    """One scorer of an ensemble."""

    scorer: str = Field(description="A scorer that stands earlier in the configuration.")
    aggregation: Aggregation = Field(
        "min", description="How a step scorer's scores become the one that it contributes."
    )
    weight: FiniteFloat = Field(1.0, description="Its weight under `rule: weighted`.")


class EnsembleSettings(NamedScorer):
    """Several scorers as one."""

    backend: Literal["ensemble"] = Field(description="What runs it.")
    kind: Literal["outcome"] = Field("outcome", description="Judges whole responses.")
    members: list[Member | str] = Field(
        min_length=1, max_length=32, description="Its scorers, by name, or each as an object."
    )
    rule: Rule = Field("mean", description="How the members' scores become one.")
    normalisation: Normalisation = Field(
        "none", description="How each member's scores of one prompt are made comparable first."
    )
    transform: Transform | None = Field(
        None, description="Transform the quantiles as InfAlign does for this use; needs `quantile`."
    )
    sharpness: float = Field(SHARPNESS, gt=0, le=100, description="The t of that transformation.")
    variance_weight: float = Field(VARIANCE_WEIGHT, ge=0, le=1e6, description="The lambda of `uwo`.")
    missing: Missing = Field(
        "propagate", description="Where a member abstains: the ensemble does too, or goes by the others."
    )

    @property
    def member_settings(self) -> list[Member]:
        """The members, each as an object."""
        return [Member(scorer=member) if isinstance(member, str) else member for member in self.members]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [member.scorer for member in self.member_settings]
        if len(set(names)) < len(names):
            raise ValueError("members: each may be named once")
        if self.transform is not None and self.normalisation != "quantile":
            raise ValueError("transform: needs normalisation quantile")
        for field, owner in (("variance_weight", "uwo"),):
            if field in self.model_fields_set and self.rule != owner:
                raise ValueError(f"{field}: goes with rule {owner}")
        if self.rule != "weighted" and any(
            "weight" in member.model_fields_set for member in self.member_settings
        ):
            raise ValueError("members: a weight goes with rule weighted")
        return self


class ObjectivesSettings(NamedScorer):
    """The rows of one head as objectives, added up with weights that a request may choose."""

    backend: Literal["objectives"] = Field(description="What runs it.")
    kind: Literal["outcome"] = Field("outcome", description="Judges whole responses.")
    head_of: str = Field(
        description="An outcome scorer that stands earlier in the configuration: its model is the one that is read."
    )
    objectives: list[str] = Field(
        min_length=2, max_length=64, description="What the rows of the head mean, in their order."
    )
    weights: dict[str, FiniteFloat] | None = Field(
        None,
        min_length=1,
        description="Weights where a request names none (default: every objective counts the same).",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError("objectives: names must differ")
        if unknown := (self.weights or {}).keys() - set(self.objectives):
            raise ValueError(f"weights: not objectives: {', '.join(sorted(unknown))}")
        return self
