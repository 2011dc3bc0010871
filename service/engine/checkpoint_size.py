"""How large a checkpoint is, from the headers of its safetensors files alone."""

import json
import math
from pathlib import Path
from typing import Final

_LENGTH_BYTES: Final = 8
_LONGEST_HEADER: Final = 100 << 20


def count_parameters(model_path: str) -> int | None:
    """The number of weights in a local folder of safetensors files; None where there is no such folder."""
    files = sorted(Path(model_path).glob("*.safetensors"))
    return sum(map(_weights, files)) if files else None


def _weights(file: Path) -> int:
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        if length > _LONGEST_HEADER:
            raise ValueError(f"{file} is not a safetensors file: its header would have {length} bytes")
        header = json.loads(stream.read(length))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
