"""Worker processes that reach a bound sooner than the service's own: the tests are as certain and cost less time."""

from pathlib import Path

import pytest

_PROGRAM = """
import sys
sys.path.insert(0, {root!r})
from service.equivalence import program as checker
{change}
checker.main()
"""
_ROOT = Path(__file__).resolve().parents[3]


def _run_by_workers(monkeypatch: pytest.MonkeyPatch, folder: Path, change: str) -> None:
    program = folder / "checker.py"
    program.write_text(_PROGRAM.format(root=str(_ROOT), change=change))
    monkeypatch.setattr("service.equivalence.pool._PROGRAM", program)


@pytest.fixture
def little_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An item may take one to two seconds of CPU time, however long that is by the clock of a busy machine."""
    _run_by_workers(monkeypatch, tmp_path, "checker.CPU_S_PER_ITEM = 1")


@pytest.fixture
def greedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The answer `greedy` takes twice the memory that a worker may have, in one piece and without calculating."""
    change = (
        "parsed = checker._parsed\n"
        "checker._parsed = lambda it: bytearray(2 * checker.MEMORY_BYTES) if it == 'greedy' else parsed(it)"
    )
    _run_by_workers(monkeypatch, tmp_path, change)
