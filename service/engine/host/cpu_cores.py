"""The CPU cores this process may really use: its affinity, cut to the share that a container grants."""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(quota_file: Path = _CGROUP) -> list[int]:
    """The numbers of the cores to compute on, at least one; a quota of 2.5 CPUs leaves three cores.

    More threads than the quota allows would make the kernel stop all of them for part of every period.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = sorted(affinity(0)) if affinity else list(range(os.cpu_count() or 1))
    try:
        granted, period = quota_file.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if granted == "max" else cores[: max(1, math.ceil(int(granted) / int(period)))]


def as_list(cores: list[int]) -> str:
    """The form that vLLM reads: `0,1,5`."""
    return ",".join(map(str, cores))
