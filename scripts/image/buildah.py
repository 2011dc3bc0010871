"""Build an image without a daemon: Debian's buildah, chroot isolation, plain folders as storage."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.image.pip_settings import PipSettings


class ImageError(Exception):
    """The image cannot be built or does not keep a promise; the message is for the terminal."""


@dataclass(frozen=True)
class Buildah:
    """One store of images and containers under `folder`, with a log of everything that was printed."""

    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    def __call__(self, *arguments: str | Path) -> str:
        """Run one command and return what it prints; ImageError with its last words if it fails."""
        roots: list[str | Path] = ["--root", self.folder / "storage", "--runroot", self.folder / "run"]
        return run(["buildah", *roots, "--storage-driver", "vfs", *arguments], self.log)

    def has(self, image: str) -> bool:
        names = [
            name for entry in json.loads(self("images", "--json") or "[]") for name in entry["names"] or ()
        ]
        return image in names

    def make_base(self, image: str, suite: str) -> None:
        """A minimal Debian with its Python, as a base image: no registry is asked."""
        root = self.folder / "debootstrap"
        include = "--include=python3,python3-venv,ca-certificates"
        run(["debootstrap", "--variant=minbase", include, suite, root], self.log)
        container = self("from", "scratch").strip()
        self("add", "--quiet", container, root, "/")
        self("commit", "--quiet", "--rm", container, image)
        subprocess.run(["rm", "-rf", "--one-file-system", root], check=True)

    def build(self, context: Path, image: str, arguments: Mapping[str, str], pip: PipSettings) -> None:
        """The Dockerfile in `context`, with this machine's pip settings as secrets."""
        config = self.folder / "pip.conf"
        config.write_text(pip.config)
        options: list[str | Path] = ["--secret", f"id=pip,src={config}"]
        if pip.ca:
            options += ["--secret", f"id=ca,src={pip.ca}"]
        for folder in pip.folders:
            options += ["--volume", f"{folder}:{folder}:ro"]
        for name, value in arguments.items():
            options += ["--build-arg", f"{name}={value}"]
        # Only Docker's own format keeps the HEALTHCHECK.
        fixed = ["--isolation", "chroot", "--format", "docker", "--network", "host", "--tag", image]
        self("build", *fixed, *options, context)

    def inspect(self, image: str) -> dict[str, Any]:
        """The image's description in Docker's form."""
        described: dict[str, Any] = json.loads(self("inspect", "--type", "image", image))["Docker"]
        return described

    def unpack(self, image: str) -> tuple[str, Path]:
        """A container of the image, and the folder with its files."""
        container = self("from", "--pull-never", image).strip()
        return container, Path(self("mount", container).strip())


def run(command: Sequence[str | Path], log: Path) -> str:
    """Run with stderr, and what else is worth keeping, in the log."""
    with log.open("a") as out:
        out.write(f"\n$ {' '.join(map(str, command))}\n")
        out.flush()
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=out, text=True, check=False
        )
        out.write(done.stdout)
    if done.returncode:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise ImageError(
            f"{' '.join(map(str, command[:1]))} failed with {done.returncode}:\n{last}\n(all of it: {log})"
        )
    return done.stdout
