"""The one table of scorer kinds: the word in the configuration, the class of its settings, and who builds it."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BeforeValidator, Discriminator, Tag

from service.reward_models.base.builder import Builder
from service.reward_models.base.settings import NamedScorer
from service.reward_models.combined import ensemble, objectives
from service.reward_models.combined.settings import EnsembleSettings, ObjectivesSettings
from service.reward_models.implicit.build import build_implicit
from service.reward_models.implicit.settings import ImplicitScorer
from service.reward_models.judges import generative, pairwise, rubric
from service.reward_models.judges.settings import GenerativeSettings, PairwiseSettings, RubricSettings
from service.reward_models.loading.known_models import filled_in
from service.reward_models.pooling.settings import ScorerSettings, TransformersScorer
from service.reward_models.process.build import build_process
from service.reward_models.process.settings import ProcessScorer
from service.reward_models.remote import scorer as remote
from service.reward_models.remote.settings import RemoteSettings
from service.reward_models.reward_functions import likelihood, rules
from service.reward_models.reward_functions.settings import LikelihoodSettings, ProgramSettings


@dataclass(frozen=True, slots=True)
class Backend:
    """One kind of scorer; without `build` it is a pooling model, whose engine it shares with others of that model."""

    settings: type[NamedScorer]
    build: Builder | None = None


BACKENDS: Final[Mapping[str, Backend]] = {
    "vllm": Backend(ScorerSettings),
    "scripted": Backend(ScorerSettings),
    "transformers": Backend(TransformersScorer),
    "process": Backend(ProcessScorer, build_process),
    "implicit": Backend(ImplicitScorer, build_implicit),
    "ensemble": Backend(EnsembleSettings, ensemble.build),
    "objectives": Backend(ObjectivesSettings, objectives.build),
    "likelihood": Backend(LikelihoodSettings, likelihood.build),
    "rule": Backend(ProgramSettings, rules.build),
    "generative": Backend(GenerativeSettings, generative.build),
    "pairwise": Backend(PairwiseSettings, pairwise.build),
    "rubric": Backend(RubricSettings, rubric.build),
    "remote": Backend(RemoteSettings, remote.build),
}
"""Every kind of scorer by its word; a new one is one module, one settings class, and one line here."""


def backend_of(scorer: Any) -> str:
    """The word that chooses the class of a scorer's settings; one left out means a vLLM engine."""
    # A process reward model is loaded by the same backends, and its step format has settings of its own.
    return "process" if _stated(scorer, "format") else str(_stated(scorer, "backend") or "vllm")


def _stated(scorer: Any, key: str) -> Any:
    return scorer.get(key) if isinstance(scorer, dict) else getattr(scorer, key, None)


if TYPE_CHECKING:
    AnyScorer = NamedScorer
else:
    AnyScorer = Annotated[
        reduce(operator.or_, [Annotated[backend.settings, Tag(word)] for word, backend in BACKENDS.items()]),
        Discriminator(backend_of),
        BeforeValidator(filled_in),
    ]
"""The settings of one scorer, of whichever kind."""
