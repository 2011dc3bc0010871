"""Where the embedded models lie: every path is under one private cache folder, named by what it was made from."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from strategies.base.errors import StartError

GENERATOR_NAME: Final = "smollm2-135m-instruct"
REWARD_NAME: Final = "nbest-arithmetic-reward"
ADAPTER: Final = Path(__file__).parent / "adapter"


class EmbeddedError(StartError):
    """The embedded models cannot be built or used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class EmbeddedModels:
    """Two local checkpoints in safetensors, each with its tokenizer and chat template."""

    generator: Path
    reward: Path


def cache_dir() -> Path:
    """The folder of everything built or sampled, made private to the user."""
    explicit = os.environ.get("NBEST_CACHE_DIR")
    if explicit:
        folder = Path(explicit).expanduser()
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nbest"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def models_dir() -> Path:
    """The folder with the embedded models: the one that came with the installation, or else the cache.

    `NBEST_EMBEDDED_DIR` names models built beforehand, as an image carries them; it may be read-only.
    """
    shipped = os.environ.get("NBEST_EMBEDDED_DIR")
    return Path(shipped) if shipped and Path(shipped).is_dir() else cache_dir()
