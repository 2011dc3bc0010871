"""Settings of an implicit process scorer into the scorer, with the two models that it reads."""

from dataclasses import dataclass

from service.reward_models.base.builder import Built, Materials
from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.language import LikelihoodModel
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.checkpoints.verify import open_language_model
from service.reward_models.implicit.scorer import ImplicitStepScorer
from service.reward_models.implicit.settings import ImplicitScorer
from service.reward_models.process.start import Starting


def build_implicit(settings: ImplicitScorer, materials: Materials) -> Built:
    """A scorer on two language models, started one after the other; a failure leaves neither running."""
    from service.reward_models.process.tokenizer import StepTokenizer

    policy = open_language_model(materials.model_path(settings.model))
    reference = open_language_model(materials.model_path(settings.reference))
    tokenizer = StepTokenizer(policy)
    if not tokenizer.has_vocabulary_of(StepTokenizer(reference)):
        raise ScorerLoadError(
            f"{settings.model} and {settings.reference} have different vocabularies: "
            "set `reference` to the model that the training began with"
        )
    starting = Starting(settings, materials.lock, materials.starts)
    ours = starting.language(policy)
    try:
        pair = Pair(ours, starting.language(reference))
    except BaseException:
        ours.close()
        raise
    scorer = ImplicitStepScorer(
        settings.name,
        tokenizer,
        pair.policy,
        pair.reference,
        settings.beta,
        settings.integration,
        settings.step_delimiter,
    )
    info = ScorerInfo(
        settings.name,
        "step",
        settings.backend,
        model=settings.model,
        dtype=ours.dtype,
        max_model_len=min(ours.max_model_len, pair.reference.max_model_len),
        step_delimiter=settings.step_delimiter,
    )
    return Built(info, step=scorer, resource=pair, check=settings.sanity_check)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models that live and end together."""

    policy: LikelihoodModel
    reference: LikelihoodModel

    async def check_health(self) -> None:
        await self.policy.check_health()
        await self.reference.check_health()

    def close(self) -> None:
        try:
            self.policy.close()
        finally:
            self.reference.close()

    async def aclose(self) -> None:
        try:
            await self.policy.aclose()
        finally:
            await self.reference.aclose()
