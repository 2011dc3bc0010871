"""What the settings of every scorer begin with, and what several have; each backend's class adds its own."""

from typing import Literal

from pydantic import Field

from strategies.base.frozen_model import FrozenModel


class NamedScorer(FrozenModel):
    """What every scorer has, whatever runs it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", description="Name that requests use.")
    kind: Literal["outcome", "step"] = Field(description="Judges whole responses, or each step of one.")
    sees_reasoning: bool = Field(
        False,
        description="Shown what a candidate thought, too; of kind `step`: judges the steps of the thought.",
    )


class SanityCheck(FrozenModel):
    """A question with a right and a wrong answer, which a sound scorer tells apart."""

    prompt: str = Field(min_length=1, description="What was asked.")
    chosen: str = Field(min_length=1, description="An answer that must score higher.")
    rejected: str = Field(min_length=1, description="An answer that must score lower.")
