"""Built folders: a folder is whole or absent, one process builds it, and its manifest says what it was made from."""

import fcntl
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MANIFEST: Final = "manifest.json"

Manifest = Mapping[str, str | int]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock across processes; the system frees it when a process dies."""
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def is_current(folder: Path, manifest: Manifest) -> bool:
    """Whether the folder was built from exactly what `manifest` names."""
    try:
        written: object = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        return False
    return written == dict(manifest)


def build_folder(target: Path, manifest: Manifest, fill: Callable[[Path], None]) -> bool:
    """Make `target` by `fill` unless it is current; call under the lock. Returns whether it was made.

    The work happens beside the target and is renamed at the end, so an interrupt leaves the old state.
    """
    if is_current(target, manifest):
        return False
    _sweep(target)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        fill(work)
        (work / MANIFEST).write_text(json.dumps(dict(manifest), indent=1, sort_keys=True))
        if target.exists():
            shutil.rmtree(target)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return True


def _sweep(target: Path) -> None:
    """Remove what a killed build left; the lock says that nobody is at work on it."""
    for left in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(left, ignore_errors=True)
