"""Resolve the requirements and write the lock files, each package with its hashes and no index named."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = "requirements"
RUNTIME: Final = ["pyproject.toml", "--extra", "embedded"]
# In `requirements/cpu.overrides`: what the CPU lock leaves out.
LEFT_OUT: Final = ["torch", "torchaudio", "torchcodec", "torchvision"]


def names(lock: str) -> list[str]:
    """The packages that a lock file pins."""
    return sorted(set(re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==", lock, flags=re.MULTILINE)))


def without(packages: list[str]) -> list[str]:
    """The options that keep packages out of a lock that another one pins already."""
    return [word for package in packages for word in ("--no-emit-package", package)]


def plan() -> dict[str, list[str]]:
    """The arguments for each lock, in order: the later ones agree with the earlier ones."""
    return {
        "cpu.lock": [
            *[*RUNTIME, f"{FOLDER}/cpu.in", "--extra", "cpu"],
            *["--override", f"{FOLDER}/cpu.overrides", *without(LEFT_OUT)],
        ],
        "gpu.lock": [*RUNTIME, "--extra", "gpu", "--constraint", f"{FOLDER}/gpu.constraints"],
        "bootstrap.lock": [f"{FOLDER}/bootstrap.in", "--constraint", f"{FOLDER}/cpu.lock"],
        "dev.lock": ["pyproject.toml", "--extra", "dev", *_on_top_of("cpu.lock", "bootstrap.lock")],
    }


def _on_top_of(*locks: str) -> list[str]:
    """Agree with these locks, and pin only what they do not."""
    paths = [ROOT / FOLDER / lock for lock in locks]
    pinned = [name for path in paths if path.exists() for name in names(path.read_text())]
    return [*[word for lock in locks for word in ("--constraint", f"{FOLDER}/{lock}")], *without(pinned)]


def compile_lock(name: str, arguments: list[str], upgrade: bool) -> None:
    """Run the resolver for one lock; what is pinned stays as it is unless an upgrade is asked for."""
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--quiet"]
    uv = str(Path(sys.prefix) / "bin" / "uv")
    command = [uv, "pip", "compile", *arguments, *options, "-o", f"{FOLDER}/{name}"]
    subprocess.run([*command, "--upgrade"] if upgrade else command, cwd=ROOT, check=True, env=_environment())


def _environment() -> dict[str, str]:
    """The lock is the same whoever makes it: resolver settings of this machine do not reach it."""
    return {name: value for name, value in os.environ.items() if name not in ("UV_FIND_LINKS", "UV_OVERRIDE")}


def main() -> None:
    """Write every lock; `--upgrade` takes the newest versions allowed."""
    for name in plan():
        # The plan is asked again because a later lock leaves out what an earlier one has just pinned.
        compile_lock(name, plan()[name], upgrade="--upgrade" in sys.argv[1:])
        print(f"{name}: {len(names((ROOT / FOLDER / name).read_text()))} packages")


if __name__ == "__main__":
    main()
