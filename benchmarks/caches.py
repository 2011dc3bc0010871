"""What earlier requests left in the caches, made equal for all: the prompt has been read, no answer to it has."""

from typing import Any

from service.app import Parts
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.pooling.engine import PoolingEngine
from service.reward_models.process.scorer import PooledStepScorer
from strategies.base.ports import Engine
from strategies.base.types import Prompt


async def read_prompt(engine: Engine, prompt: Prompt) -> None:
    """Have the generator read the prompt, so that every strategy finds it in the prefix cache."""
    async with engine.sample(prompt, 1) as candidates:
        # One token is enough; leaving the block aborts the rest.
        async for _ in candidates:
            return


async def forget_readings(parts: Parts) -> None:
    """Empty the caches of the reward models, so that no strategy is spared what another has had read."""
    scorers = loaded(parts)
    for scorer in scorers.steps.values():
        if isinstance(scorer, PooledStepScorer):
            scorer.memo._rows.clear()
    for model in scorers.engines.values():
        if not await _pooling(model).reset_prefix_cache():
            raise RuntimeError("the reward model's prefix cache is in use and cannot be emptied")


def loaded(parts: Parts) -> LoadedScorers:
    """The scorers as the loader made them; TypeError for others, of which is not known what they keep."""
    if not isinstance(parts.scorers, LoadedScorers):
        raise TypeError(f"the scorers are {type(parts.scorers).__name__}, whose caches are not known here")
    return parts.scorers


def _pooling(model: Any) -> Any:
    """vLLM's engine behind a reward model, and behind what watches over that."""
    while not isinstance(model, PoolingEngine):
        model = model.part.life.inner
    return model._living()
