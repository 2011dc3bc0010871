"""How a scorer that is no pooling model is built: from its settings, and from what is loaded by then."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from service.engine.turns import Turns
from service.reward_models.base import Resource, ScorerInfo
from service.reward_models.named import KnownPair
from service.reward_models.registry import LoadedScorers
from service.reward_models.starts import UNWATCHED, Starts
from strategies.base.ports import Engine, OutcomeScorer, StepScorer


@dataclass(frozen=True, slots=True)
class Materials:
    """What a builder may use.

    `generators` are the configured ones by name, the served one first; `scorers` those that stand earlier in the
    configuration, so that no circle can be told; `model_path` turns a configured model into a folder or the name
    of a repository; `starts` starts a model.
    """

    generators: Mapping[str, Engine]
    scorers: LoadedScorers
    model_path: Callable[[str], str]
    turns: Turns
    starts: Starts = UNWATCHED


@dataclass(frozen=True, slots=True)
class Built:
    """A scorer ready to score: exactly one of `outcome` and `step`, and what has to be closed with it.

    `check` is a pair that it has to tell apart before anything is served.
    """

    info: ScorerInfo
    outcome: OutcomeScorer | None = None
    step: StepScorer | None = None
    resource: Resource | None = None
    check: KnownPair | None = None


Builder = Callable[[Any, Materials], Built]
"""Settings of the builder's own class in, a scorer out; ScorerLoadError where the settings cannot be carried out."""
