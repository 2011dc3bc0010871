"""A finished request: what was decided, and what it cost on models of what size."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.metering.meter import Meter
from strategies.base.strategy import Strategy
from strategies.base.types import Outcome, Prompt


@dataclass(frozen=True, slots=True)
class ModelSizes:
    """How many parameters the models have, where that is known."""

    generator: int | None = None
    scorers: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished request: what was asked, what was decided, and what it cost on models of what size."""

    strategy: Strategy
    prompt: Prompt
    outcome: Outcome
    meter: Meter
    parameters: ModelSizes = ModelSizes()
