"""The processes below the service: the engines' cores, and the workers below those."""

from pathlib import Path


def below(pid: int) -> list[int]:
    """Children, and theirs, in order of starting."""
    parents = {int(path.name): _parent(path) for path in Path("/proc").glob("[0-9]*")}
    found, generation = [], {pid}
    while generation := {child for child, parent in parents.items() if parent in generation}:
        found += sorted(generation)
    return found


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    fields = _stat(Path(f"/proc/{pid}"))
    return bool(fields) and fields[0] != "Z"


def _parent(path: Path) -> int:
    fields = _stat(path)
    return int(fields[1]) if fields else 0


def _stat(path: Path) -> list[str]:
    try:
        return (path / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
