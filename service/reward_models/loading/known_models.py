"""The registry of known reward models: what a scorer's settings say where its model is known and they are silent."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import Field

from strategies.base.frozen_model import FrozenModel

_FILE: Final = Path(__file__).with_name("known_models.yaml")
_LOADERS: Final = ("vllm", "transformers")

Evidence = Literal["real weights", "random weights", "expected"]
"""How far a model was tested: scored with its own weights here; its architecture and convention equal to the model
card's recipe on small random weights; or neither, and it should work."""


class KnownModel(FrozenModel):
    """One family of published checkpoints that are used alike.

    `settings` are those of a scorer, by name; what a configuration states itself wins over them. `facts` says what
    they rest on and `source` where that is written.
    """

    models: tuple[str, ...] = Field(min_length=1)
    kind: Literal["outcome", "step"]
    architecture: str
    settings: dict[str, Any] = Field(default_factory=dict)
    evidence: Evidence = "expected"
    facts: str
    source: str


@cache
def known_models() -> tuple[KnownModel, ...]:
    """The registry, in the order of the file."""
    entries = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return tuple(KnownModel.model_validate(entry) for entry in entries)


def known(model: str) -> KnownModel | None:
    """The entry of a repository, or of a folder that carries a repository's name."""
    folder = Path(model).name
    for entry in known_models():
        for name in entry.models:
            if model == name or folder == name.partition("/")[2]:
                return entry
    return None


def filled_in(scorer: Any) -> Any:
    """A scorer's raw settings, with what is known of its model where they say nothing; other values stay."""
    if not isinstance(scorer, Mapping) or not isinstance(scorer.get("model"), str):
        return scorer
    entry = known(scorer["model"])
    if entry is None or scorer.get("kind", entry.kind) != entry.kind:
        return scorer
    if scorer.get("backend", "vllm") not in _LOADERS:
        # What is known is how to read the weights, and this backend does not read them.
        return scorer
    return {"kind": entry.kind, **entry.settings, **scorer}
