"""A container without a daemon: the image's own command, user and environment, on a read-only root."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts.image.buildah import ImageError
from scripts.image.inside import Spec

ROOT: Final = Path(__file__).resolve().parents[2]
_NAMESPACES: Final = (
    "--mount",
    "--pid",
    "--ipc",
    "--uts",
    "--fork",
    "--kill-child",
    "--propagation",
    "private",
)


@dataclass(frozen=True)
class Container:
    """One that runs. `pid` is its first process, as seen from outside."""

    spec: Spec
    pid: int
    outer: "subprocess.Popen[bytes]"

    @property
    def runs(self) -> bool:
        return self.outer.poll() is None

    def execute(self, command: Sequence[str], timeout: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run a command inside, as the same user; it is looked up on the container's PATH."""
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--ipc", "--root", "--wd"]
        user = [f"--setgid={self.spec.gid}", f"--setuid={self.spec.uid}"]
        environment = [f"{name}={value}" for name, value in self.spec.environment.items()]
        full = [*enter, *user, "env", "-i", *environment, *command]
        return subprocess.run(full, capture_output=True, text=True, timeout=timeout, check=False)

    def stop(self, number: int, within_s: float) -> int:
        """Send a signal to the first process and wait; its exit status."""
        os.kill(self.pid, number)
        return self.outer.wait(within_s)


def spec(root: Path, config: Mapping[str, Any], environment: Mapping[str, str]) -> Spec:
    """What the image's description asks for, as a container engine reads it; raises where the user has a name."""
    uid, _, gid = str(config.get("User", "")).partition(":")
    if not (uid.isdecimal() and gid.isdecimal() and int(uid)):
        raise ImageError(f"the image's user must be numeric and not root, not {config.get('User')!r}")
    return Spec(
        root=str(root),
        command=[*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())],
        environment=dict(line.split("=", 1) for line in config["Env"]) | dict(environment),
        uid=int(uid),
        gid=int(gid),
        workdir=config.get("WorkingDir") or "/",
        volumes=sorted(config.get("Volumes") or ()),
    )


@contextlib.contextmanager
def running(wanted: Spec, log: Path) -> Iterator[Container]:
    """Start it, with its output in `log`; it is killed with all its processes when the block is left."""
    inside = [sys.executable, "-m", "scripts.image.inside", wanted.dumps()]
    with log.open("ab") as out:
        outer = subprocess.Popen(["unshare", *_NAMESPACES, *inside], stdout=out, stderr=out, cwd=ROOT)
    try:
        yield Container(wanted, _child(outer), outer)
    finally:
        if outer.poll() is None:
            outer.send_signal(signal.SIGKILL)
            outer.wait()


def _child(outer: "subprocess.Popen[bytes]") -> int:
    """The process that `unshare` starts: the first one in its namespaces."""
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    while outer.poll() is None:
        if found := children.read_text().split():
            return int(found[0])
    raise ImageError(f"the container could not be set up: exit {outer.returncode}")
