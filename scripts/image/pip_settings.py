"""This machine's pip settings, in the form in which a build of the image takes them."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlparse

_LINE: Final = re.compile(r"^(?P<scope>[^.]+)\.(?P<option>[\w-]+)=(?P<value>.+)$", re.MULTILINE)
# Where each of these leads is a matter of the machine, not of its index.
_NOT_THE_INDEX: Final = {
    *("cert", "target", "prefix", "root", "user", "require-virtualenv", "cache-dir", "log"),
    # The image is locked; what this machine prefers is nothing to it.
    *("constraint", "requirement"),
}
_CA_VARIABLES: Final = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class PipSettings:
    """A `pip.conf` for the build, the certificates it needs, the folders that it names."""

    config: str
    ca: Path | None
    folders: tuple[Path, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """Every index host and folder in the settings: what must not be found in the image."""
        return tuple(re.findall(r"(?:https?://|file://|/)[^\s'\"]+", self.config))


def settings(listed: str, environment: Mapping[str, str]) -> PipSettings:
    """From what `pip config list` prints; the environment's values win, as they do for pip."""
    found = [(m["scope"], m["option"], str(ast.literal_eval(m["value"]))) for m in _LINE.finditer(listed)]
    merged = {option: value for _, option, value in sorted(found, key=lambda item: item[0] == ":env:")}
    options = {option: value for option, value in merged.items() if option not in _NOT_THE_INDEX}
    lines = (f"{option} = {_indented(value)}" for option, value in sorted(options.items()))
    named = [merged.get("cert"), *map(environment.get, _CA_VARIABLES)]
    ca = next((Path(path) for path in named if path and Path(path).is_file()), None)
    return PipSettings("\n".join(["[global]", *lines, ""]), ca, tuple(_folders(options.values())))


def of_this_machine() -> PipSettings:
    """What pip is configured with here."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return settings(listed, os.environ)


def _indented(value: str) -> str:
    """Several values of an option stand on lines of their own."""
    words = value.split()
    return words[0] if len(words) == 1 else "".join(f"\n    {word}" for word in words)


def _folders(values: Iterable[str]) -> list[Path]:
    """Local folders among the values; of an index the folder above too, where its files lie."""
    found: dict[Path, None] = {}
    for word in " ".join(values).split():
        path = Path(unquote(urlparse(word).path)) if word.startswith("file://") else Path(word)
        if path.is_absolute() and path.is_dir():
            found[path.parent if word.startswith("file://") else path] = None
    return list(found)
