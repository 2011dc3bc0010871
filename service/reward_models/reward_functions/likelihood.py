"""A scorer without a reward model: how likely, or how surely, a generator would have written the text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.engine.ports import PromptLogprobs, TextLogprobs
from service.reward_models.base.builder import Built, Materials, generator_of
from service.reward_models.base.distinct import DistinctTexts
from service.reward_models.base.errors import ScorerLoadError, failures_of_generator
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.base.request_scope import RequestScope
from service.reward_models.reward_functions.settings import LikelihoodSettings
from strategies.base.ports import OutcomeScores
from strategies.base.types import Prompt
from strategies.scores.likelihood import Likelihood, confidence, mean_logprob, self_certainty


@dataclass(frozen=True, slots=True)
class LikelihoodScorer:
    """An outcome scorer by the log-probabilities of a text that is read again, so that any text can be scored.

    Reading costs one pass over prompt and text. The numbers are those of the model itself: at temperature 1, without
    truncation or penalties, and without the token that ends the turn. A text of no tokens has no score.
    """

    name: str
    reader: PromptLogprobs
    rule: Likelihood = "mean_logprob"
    alternatives: int = 20

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        distinct = DistinctTexts(texts)
        alternatives = 0 if self.rule == "mean_logprob" else self.alternatives
        with failures_of_generator(self.name):
            read = await self.reader.read(prompt, distinct.texts, alternatives=alternatives)
        # What was read is the generator's account, not a reward model's: the request's view of it counts.
        return OutcomeScores(distinct.spread([self._value(one) for one in read]))

    def bound_to(self, view: RequestScope) -> "LikelihoodScorer":
        return replace(self, reader=view.reader(self.reader))

    def _value(self, read: TextLogprobs) -> float | None:
        if self.rule == "mean_logprob":
            return mean_logprob(read.logprobs)
        if self.rule == "confidence":
            return confidence(read.tops)
        return self_certainty(read.tops, self.reader.vocabulary)


def build(settings: LikelihoodSettings, materials: Materials) -> Built:
    """A scorer on a configured generator; ScorerLoadError if it cannot read texts."""
    name, engine = generator_of(settings.generator, materials)
    if not isinstance(engine, PromptLogprobs):
        raise ScorerLoadError(
            f"generator {name!r} cannot tell the log-probabilities of a given text: use one that runs here"
        )
    info = ScorerInfo(
        settings.name, "outcome", settings.backend, model=name, generator=name, rule=settings.rule
    )
    return Built(info, outcome=LikelihoodScorer(settings.name, engine, settings.rule, settings.alternatives))
