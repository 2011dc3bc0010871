"""Become a container: read-only root, private /proc, /dev and /tmp, no privileges; then run the image's command.

Runs as the first process of fresh mount, process and IPC namespaces. Its one argument is a `Spec` as JSON.
"""

import ctypes
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS: Final = {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38


@dataclass(frozen=True)
class Spec:
    """What to run and where; `volumes` are the folders that stay writable, empty at the start."""

    root: str
    command: list[str]
    environment: dict[str, str]
    uid: int
    gid: int
    workdir: str
    volumes: list[str]

    def dumps(self) -> str:
        return json.dumps(asdict(self))


def mount_all(spec: Spec) -> None:
    """The file system that the command sees; nothing of it is seen outside."""
    root = Path(spec.root)
    _mount("--bind", root, root)
    _mount("-t", "proc", "proc", root / "proc")
    _mount("--rbind", "/sys", root / "sys")
    _mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", root / "dev")
    for name in _DEVICES:
        (root / "dev" / name).touch()
        _mount("--bind", f"/dev/{name}", root / "dev" / name)
    for name, target in _LINKS.items():
        (root / "dev" / name).symlink_to(f"/proc/self/{target}")
    (root / "dev" / "shm").mkdir()
    _mount("-t", "tmpfs", "-o", "mode=1777,size=1g", "tmpfs", root / "dev" / "shm")
    for volume in spec.volumes:
        owner = "mode=1777" if volume == "/tmp" else f"mode=0700,uid={spec.uid},gid={spec.gid}"
        _mount("-t", "tmpfs", "-o", owner, "tmpfs", root / volume.lstrip("/"))
    _mount("-o", "remount,bind,ro", root)


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


def enter(spec: Spec) -> None:
    """Change the root and give up every privilege for good."""
    os.chroot(spec.root)
    os.chdir(spec.workdir)
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1):
        _check(libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0))
    os.setgroups([])
    os.setgid(spec.gid)
    os.setuid(spec.uid)
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def main() -> None:
    """Never returns: the process becomes the command."""
    spec = Spec(**json.loads(sys.argv[1]))
    mount_all(spec)
    enter(spec)
    os.execvpe(spec.command[0], spec.command, spec.environment)


if __name__ == "__main__":
    main()
