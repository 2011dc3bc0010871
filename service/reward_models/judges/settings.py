"""Settings of scorers that have a generator judge: by a verdict's probability, by pairs, or by a rubric."""

from typing import Literal, Self

from pydantic import Field, model_validator

from service.reward_models.base.settings import NamedScorer
from strategies.base.frozen_model import FrozenModel


class JudgeSettings(NamedScorer):
    """What every judge has."""

    generator: str | None = Field(
        None, description="Name of a configured generator (default: the one that is served)."
    )
    samples: int = Field(1, ge=1, le=64, description="Replies to each question; their verdicts are averaged.")
    temperature: float | None = Field(
        None, ge=0, le=2, description="The judge's temperature (default: 0 for one sample, 0.6 for several)."
    )
    max_tokens: int = Field(512, ge=1, description="Longest reply of the judge.")
    question: str | None = Field(
        None, min_length=1, max_length=2000, description="What is asked of the answer (default: by backend)."
    )

    @property
    def effective_temperature(self) -> float:
        """The temperature in use."""
        if self.temperature is not None:
            return self.temperature
        return 0.0 if self.samples == 1 else 0.6

    @model_validator(mode="after")
    def _samples_differ(self) -> Self:
        if self.samples > 1 and self.temperature == 0:
            raise ValueError("samples: at temperature 0 all are the same; use one, or a temperature")
        return self


class GenerativeSettings(JudgeSettings):
    """A judge that says yes or no of an answer (outcome) or of each step (step); the score is P(yes)."""

    backend: Literal["generative"] = Field(description="What runs it.")
    kind: Literal["outcome", "step"] = Field(
        "outcome", description="Judges whole responses, or each step of one."
    )
    reasoning: bool = Field(True, description="Let it check the answer in words before the verdict.")
    marker: str = Field(
        "Verdict:", min_length=1, max_length=200, description="What stands before the verdict."
    )
    words: tuple[str, str] = Field(("Yes", "No"), description="The verdicts, of one token each: good, bad.")
    step_delimiter: str = Field("\n", min_length=1, description="What ends a step (step scorers).")

    @model_validator(mode="after")
    def _words_differ(self) -> Self:
        yes, no = (word.strip().casefold() for word in self.words)
        if not yes or not no or yes == no:
            raise ValueError("words: two different words")
        if self.kind == "outcome" and "step_delimiter" in self.model_fields_set:
            raise ValueError("step_delimiter: goes with kind step")
        return self


class PairwiseSettings(JudgeSettings):
    """A judge that reads two answers, in both orders; the score is an answer's share of wins."""

    backend: Literal["pairwise"] = Field(description="What runs it.")
    kind: Literal["outcome"] = Field("outcome", description="Judges whole responses.")
    opponents: int | None = Field(
        4, ge=1, description="Answers that each is compared with, about; null: with all others."
    )


class Criterion(FrozenModel):
    """One line of a rubric."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="Name, also as an objective.")
    description: str = Field(min_length=1, max_length=500, description="What is graded.")
    weight: float = Field(1.0, ge=0, description="Weight where a request names none.")


class RubricSettings(JudgeSettings):
    """A judge that grades an answer by criteria; the score is their weighted mean, in [0, 1]."""

    backend: Literal["rubric"] = Field(description="What runs it.")
    kind: Literal["outcome"] = Field("outcome", description="Judges whole responses.")
    criteria: list[Criterion] = Field(min_length=1, max_length=16, description="The rubric.")
    highest: int = Field(5, ge=2, le=10, description="The best grade; the worst is 1.")

    @model_validator(mode="after")
    def _criteria_differ(self) -> Self:
        names = [criterion.name for criterion in self.criteria]
        if len(set(names)) < len(names) or "evidence" in names:
            raise ValueError("criteria: names must differ, and none may be `evidence`")
        if not any(criterion.weight for criterion in self.criteria):
            raise ValueError("criteria: one weight must be above 0")
        return self
