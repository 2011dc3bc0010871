"""What is known of each architecture of a reward model: where its head stands, what it reads, who can run it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.ports import Backend, Reads

_ANY: Final = frozenset[Backend]({"vllm", "transformers"})
_TRANSFORMERS: Final = frozenset[Backend]({"transformers"})


@dataclass(frozen=True, slots=True)
class Architecture:
    """Facts about one architecture.

    `head` are the prefixes of the head's tensors; `labels` is the number of its rows where config.json does not tell
    it. Some are published with modelling code of their own: where vLLM or this package has that architecture itself
    (`brings_code`), the published code is left where it is. `end_token` names the key of config.json with the token
    that every input has to end with; `has_types` where the two texts of a pair are told apart by token types.
    """

    head: tuple[str, ...]
    reads: Reads = "both"
    labels: int | None = None
    backends: frozenset[Backend] = _ANY
    brings_code: bool = False
    end_token: str | None = None
    has_types: bool = False

    @property
    def is_gated(self) -> bool:
        """Whether the score is a sum of objectives, weighted by a gate."""
        return "gating." in self.head


_SEQUENCE: Final = "ForSequenceClassification"
_TOKEN: Final = "ForTokenClassification"

_BY_NAME: Final[Mapping[str, Architecture]] = {
    # Two linear layers with a ReLU between (Qwen2.5-Math-RM, and with two labels Qwen2.5-Math-PRM).
    "Qwen2ForRewardModel": Architecture(("score.",), "token", labels=1, brings_code=True),
    "Qwen2ForProcessRewardModel": Architecture(("score.",), "token", labels=2, brings_code=True),
    "InternLM2ForRewardModel": Architecture(
        ("v_head.",), "token", labels=1, brings_code=True, end_token="reward_token_id"
    ),
    # Skywork-o1-Open-PRM: a value head as TRL saves it.
    "Qwen2ForPrmModel": Architecture(("v_head.",), labels=1, backends=_TRANSFORMERS, brings_code=True),
    # ArmoRM: objectives, weighted by a gate that reads the prompt.
    "LlamaForRewardModelWithGating": Architecture(
        ("regression_layer.", "gating."), "text", labels=1, backends=_TRANSFORMERS, brings_code=True
    ),
    "INFORMForSequenceClassification": Architecture(
        ("score.",), labels=1, backends=_TRANSFORMERS, brings_code=True
    ),
    "BertForSequenceClassification": Architecture(("classifier.",), "text", has_types=True),
    "RobertaForSequenceClassification": Architecture(("classifier.",), "text"),
    "XLMRobertaForSequenceClassification": Architecture(("classifier.",), "text"),
    "ModernBertForSequenceClassification": Architecture(("classifier.",), "text"),
    "DebertaV2ForSequenceClassification": Architecture(("classifier.",), "text", backends=_TRANSFORMERS),
    "DistilBertForSequenceClassification": Architecture(("classifier.",), "text", backends=_TRANSFORMERS),
}


def architecture_of(config: Mapping[str, Any]) -> tuple[str, Architecture]:
    """The name and the facts; ScorerLoadError where none of the named architectures is one of a reward model."""
    names = [name for name in config.get("architectures") or () if isinstance(name, str)]
    for name in names:
        if found := _facts(name):
            return name, found
    raise ScorerLoadError(
        f"its architecture is {names or None}, not one that ends in {_SEQUENCE} or is known by name "
        f"({', '.join(known for known in _BY_NAME if not known.endswith(_SEQUENCE))}): use a reward model"
    )


def _facts(name: str) -> Architecture | None:
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.endswith(_SEQUENCE):
        return Architecture(("score.",))
    # What TRL saves for process reward models; vLLM has such heads for encoders only.
    return Architecture(("score.",), backends=_TRANSFORMERS) if name.endswith(_TOKEN) else None
