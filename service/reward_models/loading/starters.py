"""How each kind of model is started where nothing watches over it."""

from typing import Final

from service.reward_models.base.builder import ModelStarters
from service.reward_models.implicit.vllm_engine import LanguageEngine
from service.reward_models.pooling.engine import PoolingEngine
from service.reward_models.transformers.start import start_language_model, start_reward_model

UNWATCHED: Final = ModelStarters(
    vllm_rows=PoolingEngine.start,
    vllm_language=LanguageEngine.start,
    transformers_rows=start_reward_model,
    transformers_language=start_language_model,
)
"""Models that nothing replaces when they are lost."""
