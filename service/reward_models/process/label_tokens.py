"""Two words of a causal language model as the rows of a head: what a process reward model without a head is read by."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.language import LanguageModel
from service.reward_models.base.ports import PoolingOutput, TokenQuery

_CAUSAL: Final = "ForCausalLM"
_RESCALED: Final[Mapping[str, tuple[str, ...]]] = {
    "vllm": ("final_logit_softcapping", "logit_scale", "logits_scaling"),
    "transformers": ("logit_scale", "logits_scaling"),
}
"""Keys of config.json that change a logit after the last matrix, which is not done where only two are computed."""


@dataclass(frozen=True, slots=True)
class LabelTokenModel:
    """The next-token logits of a few words as the rows of a language model."""

    model: LanguageModel
    token_ids: Sequence[int]

    async def token_classify(self, queries: Sequence[TokenQuery]) -> list[PoolingOutput]:
        """The words' logits at the tokens asked for."""
        return await self.model.token_logits(queries, self.token_ids)


def as_classifier(folder: Path, words: Sequence[str]) -> dict[str, Any]:
    """What vLLM has to be told so that the words' rows of the model's last matrix become a head.

    `words` are names in the vocabulary. The head then costs two products a token, where the whole vocabulary would
    cost as much as many layers, and its rows are cached and batched as any head's are.
    """
    return {
        "architectures": [_architecture(folder).removesuffix(_CAUSAL) + "ForSequenceClassification"],
        "classifier_from_token": list(words),
        "method": "no_post_processing",
    }


def check_logits(folder: Path, backend: str) -> None:
    """ScorerLoadError where two rows of the last matrix are not the logits of two words."""
    config = _config(folder)
    _architecture(folder)
    for key in _RESCALED[backend]:
        if config.get(key) not in (None, 1, 1.0):
            raise ScorerLoadError(
                f"config.json in {folder} has {key}, which {backend} leaves out of the logits of single words: "
                "use another model, or the other backend"
            )
    if backend == "vllm" and _has_bias(folder):
        raise ScorerLoadError(
            f"the last matrix of {folder} has a bias, which vllm leaves out: set `backend: transformers`"
        )


def _architecture(folder: Path) -> str:
    names = _config(folder).get("architectures") or []
    for name in names:
        if isinstance(name, str) and name.endswith(_CAUSAL):
            return name
    raise ScorerLoadError(
        f"its architecture is {names}, not one that ends in {_CAUSAL}: set `format` to this model's convention"
    )


def _config(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return found


def _has_bias(folder: Path) -> bool:
    from safetensors import safe_open

    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="pt") as tensors:
            if "lm_head.bias" in tensors.keys():  # noqa: SIM118  # no mapping
                return True
    return False
