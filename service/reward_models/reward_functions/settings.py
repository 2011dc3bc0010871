"""Settings of scorers that need no reward model: a program, or the likelihood under a generator."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from service.reward_models.base.settings import NamedScorer
from strategies.scores.likelihood import Likelihood
from strategies.text.pattern import compiled


class ProgramSettings(NamedScorer):
    """A rule that looks at the text alone; fields of another rule are an error."""

    backend: Literal["rule"] = Field(description="What runs it.")
    kind: Literal["outcome"] = Field("outcome", description="Judges whole responses.")
    rule: Literal["length", "json_schema", "pattern", "keyword"] = Field(description="What is looked at.")
    unit: Literal["characters", "words", "lines"] = Field("words", description="`length`: what is counted.")
    target: int = Field(
        0, ge=0, description="`length`: the length that scores best (0); 0 means the shorter the better."
    )
    json_schema: dict[str, Any] | None = Field(
        None, description="`json_schema`: 1 for JSON that the schema allows, else 0."
    )
    pattern: str | None = Field(
        None, description="`pattern`: 1 if this RE2 pattern is found in the text, else 0."
    )
    keywords: list[str] | None = Field(
        None, min_length=1, max_length=256, description="`keyword`: the share of these found in the text."
    )
    match_case: bool = Field(False, description="`keyword`: capitals matter.")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            compiled(pattern)
        return pattern

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        fields = {
            "length": {"unit", "target"},
            "json_schema": {"json_schema"},
            "pattern": {"pattern"},
            "keyword": {"keywords", "match_case"},
        }
        allowed = fields[self.rule] | {"name", "backend", "kind", "rule"}
        if foreign := self.model_fields_set - allowed:
            raise ValueError(f"{sorted(foreign)[0]}: does not go with rule {self.rule}")
        needed = {"json_schema": "json_schema", "pattern": "pattern", "keyword": "keywords"}.get(self.rule)
        if needed is not None and getattr(self, needed) is None:
            raise ValueError(f"{needed}: rule {self.rule} needs it")
        return self


class LikelihoodSettings(NamedScorer):
    """How likely a generator finds the text that it reads."""

    backend: Literal["likelihood"] = Field(description="What runs it.")
    kind: Literal["outcome"] = Field("outcome", description="Judges whole responses.")
    rule: Likelihood = Field("mean_logprob", description="What of the log-probabilities is the score.")
    generator: str | None = Field(
        None, description="Name of a configured generator (default: the one that is served)."
    )
    alternatives: int = Field(
        20,
        ge=1,
        le=20,
        description="Likeliest tokens looked at in each place (all rules but `mean_logprob`).",
    )
