"""What must be true of a reward model's checkpoint before an engine may load it: plain safetensors and a sound head."""

import json
import math
from pathlib import Path
from typing import Any, Final

from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.ports import Backend, Checkpoint
from service.reward_models.checkpoints.architectures import Architecture, architecture_of

_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_FETCHED: Final = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
_MAX_JSON_BYTES: Final = 64 << 20
_ARMO_OBJECTIVES: Final = 19


def open_checkpoint(model: str, backend: Backend = "vllm") -> Checkpoint:
    """Check the folder, or the repository of that name after fetching it. ScorerLoadError says what is wrong with it.

    Nothing in it is executed or unpickled: the checks read JSON and the head's tensors out of safetensors.
    """
    folder = checkpoint_folder(model)
    config = _json(folder / "config.json")
    name, facts = architecture_of(config)
    if not facts.brings_code:
        _refuse_code(folder, config)
    if backend not in facts.backends:
        raise ScorerLoadError(f"{backend} cannot load {name}: set `backend: {' or '.join(facts.backends)}`")
    labels = facts.labels or _labels(config)
    parameters = _check_weights(_weight_files(folder), labels, facts)
    # A gated model's rows are its score and then its objectives.
    objectives = int(config.get("num_objectives", _ARMO_OBJECTIVES)) if facts.is_gated else 0
    return Checkpoint(
        folder,
        labels + objectives,
        parameters,
        _token_id(config, "pad_token_id"),
        architecture=name,
        reads=facts.reads,
        end_token_id=_token_id(config, facts.end_token) if facts.end_token else None,
        has_types=facts.has_types,
        head=facts.head,
    )


def open_language_model(model: str) -> Path:
    """The folder of a causal language model that may be loaded: whole, in safetensors, and without code of its own."""
    folder = checkpoint_folder(model)
    _refuse_code(folder, _json(folder / "config.json"))
    _weight_files(folder)
    return folder


def checkpoint_folder(model: str) -> Path:
    """The folder itself, or that of the fetched repository of this name.

    Fetch before any engine starts: a generator in a local folder tells this process to stay off the network.
    """
    return Path(model) if Path(model).is_dir() else _fetched(model)


def _fetched(repository: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, allow_patterns=list(_FETCHED)))
    except Exception as error:
        raise ScorerLoadError(
            f"{repository!r} is neither a folder here nor a repository that can be fetched ({type(error).__name__}): "
            "give the path of a folder with a safetensors checkpoint"
        ) from error


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file() or path.stat().st_size > _MAX_JSON_BYTES:
        raise ScorerLoadError(
            f"no readable {path.name} in {path.parent}: give the folder of a whole checkpoint"
        )
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ScorerLoadError(f"{path} is not JSON ({error}): fetch the checkpoint again") from None
    if not isinstance(value, dict):
        raise ScorerLoadError(f"{path} is not a JSON object: fetch the checkpoint again")
    return value


def _refuse_code(folder: Path, config: dict[str, Any]) -> None:
    tokenizer = folder / "tokenizer_config.json"
    for name, content in (
        ("config.json", config),
        (tokenizer.name, _json(tokenizer) if tokenizer.exists() else {}),
    ):
        if "auto_map" in content:
            raise ScorerLoadError(
                f"{name} in {folder} names code of its own (auto_map), which is never run: use a checkpoint without it"
            )


def _labels(config: dict[str, Any]) -> int:
    if isinstance(table := config.get("id2label"), dict):
        return len(table)
    # A saved configuration leaves the number out where it is 2, the default of transformers.
    return int(config.get("num_labels", 2))


def _token_id(config: dict[str, Any], key: str) -> int | None:
    value = config.get(key)
    return value if isinstance(value, int) else None


def _weight_files(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if index.exists():
        names = sorted({str(name) for name in _json(index).get("weight_map", {}).values()})
        files = [folder / Path(name).name for name in names]
    else:
        files = sorted(folder.glob("*.safetensors"))
    if missing := [file.name for file in files if not file.is_file()]:
        raise ScorerLoadError(f"{folder} lacks {', '.join(missing)}: fetch the checkpoint again")
    if not files:
        pickled = any(any(folder.glob(pattern)) for pattern in _PICKLES)
        have = "only pickled weights, which can run code when read" if pickled else "no weights"
        raise ScorerLoadError(f"{folder} has {have}: use a checkpoint saved as safetensors")
    return files


def _check_weights(files: list[Path], labels: int, facts: Architecture) -> int:
    """The number of parameters, after a look at the head: there, of the right shape, and finite."""
    parameters, head_rows = 0, []
    for file in files:
        shapes, rows = _read_shapes(file, facts.head)
        parameters += shapes
        head_rows += rows
    if not head_rows:
        told = " or ".join(f"{prefix}*" for prefix in facts.head)
        raise ScorerLoadError(
            f"no weights of a score head ({told}) in {files[0].parent}: use a trained reward model"
        )
    if labels not in head_rows and not facts.is_gated:
        raise ScorerLoadError(
            f"config.json tells of {labels} labels and the head has {head_rows[-1]} rows: correct id2label there"
        )
    return parameters


def _read_shapes(file: Path, prefixes: tuple[str, ...]) -> tuple[int, list[int]]:
    """How many numbers the file holds, and the rows of each weight matrix of the head in it."""
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as tensors:
            shapes = {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}  # noqa: SIM118  # no mapping
            head = {name: tensors.get_tensor(name) for name in shapes if name.startswith(prefixes)}
    except (SafetensorError, OSError) as error:
        raise ScorerLoadError(f"{file} cannot be read ({error}): fetch the checkpoint again") from None
    if bad := [name for name, tensor in head.items() if not bool(torch.isfinite(tensor).all())]:
        raise ScorerLoadError(
            f"the head's {bad[0]} in {file} has values that are not finite: use a trained reward model"
        )
    rows = [shapes[name][0] for name in head if name.endswith("weight")]
    return sum(math.prod(shape) for shape in shapes.values()), rows
