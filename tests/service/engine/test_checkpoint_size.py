"""A checkpoint's size is read from its headers."""

import json
from pathlib import Path

import pytest

from service.engine.checkpoint_size import count_parameters


def save(file: Path, shapes: list[list[int]]) -> None:
    header = {
        f"w{i}": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for i, shape in enumerate(shapes)
    }
    packed = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    file.write_bytes(len(packed).to_bytes(8, "little") + packed)


def test_all_files_are_counted(tmp_path: Path) -> None:
    save(tmp_path / "model-1.safetensors", [[2, 3], []])
    save(tmp_path / "model-2.safetensors", [[10]])
    assert count_parameters(str(tmp_path)) == 17


def test_a_repository_name_has_no_size() -> None:
    assert count_parameters("owner/name") is None


def test_another_kind_of_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 16)
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        count_parameters(str(tmp_path))
