"""Memory shares: what each engine on one device will take, before the first of them starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.engine.checkpoint_size import count_parameters
from service.engine.settings import EngineSettings
from service.engine.vllm.engine_args import CPU_KV_CACHE_MIB
from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.model_config import PoolingEngineConfig
from service.reward_models.loading.plan import Plan
from service.reward_models.process.settings import ReadModel

VLLM_SHARE: Final = 0.92
"""The part of a GPU that vLLM takes where none is configured."""

_PROCESSES: Final = 1 << 30
"""What an engine's processes take beside weights and cache: 1.25 GiB were measured with vLLM, and less counted here."""

_GIB: Final = 1 << 30
_BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, slots=True)
class Share:
    """What one engine takes: bytes of weights (None: not known before it is fetched), of cache and of processes.

    `gpu` is the part of a GPU that it claims, None on CPU.
    """

    name: str
    weights: int | None
    cache: int
    processes: int = _PROCESSES
    gpu: float | None = None

    @property
    def needed(self) -> int:
        """The bytes of memory that are known to be needed."""
        return (self.weights or 0) + self.cache + self.processes


def generator_share(name: str, settings: EngineSettings, model: str, *, on_cpu: bool) -> Share:
    """The share of a generator or fusor whose weights are in the folder `model`, if that is one."""
    parameters = count_parameters(model)
    # vLLM's own choice on CPU is what the service makes it: bfloat16.
    each = _BYTES.get(settings.dtype, 2)
    copies = settings.data_parallel_size
    cache = settings.kv_cache_mib or CPU_KV_CACHE_MIB
    return Share(
        name,
        None if parameters is None else parameters * each * copies,
        (cache << 20) * copies if on_cpu else 0,
        gpu=None if on_cpu else settings.gpu_memory_utilization or VLLM_SHARE,
    )


def scorer_share(plan: Plan, *, on_cpu: bool) -> Share:
    """The share of a reward model that is to be loaded."""
    name, shape, parameters = f"scorer {plan.name}", plan.shape, plan.checkpoint.parameters
    if not isinstance(shape, PoolingEngineConfig):
        return Share(name, parameters * _BYTES[shape.dtype], 0)
    each = _BYTES.get(shape.dtype, 4 if on_cpu else 2)
    if not on_cpu:
        return Share(name, parameters * each, 0, gpu=shape.gpu_memory_utilization or VLLM_SHARE)
    return Share(name, parameters * each, (shape.kv_cache_mib or CPU_KV_CACHE_MIB) << 20)


def read_share(scorer: ReadModel, folder: Path, *, on_cpu: bool) -> Share:
    """The share of a model that is read step by step."""
    name, parameters = f"scorer {scorer.name}", count_parameters(str(folder))
    on_vllm = "vllm" in (getattr(scorer, "runs_on", None), getattr(scorer, "backend", None))
    weights = (parameters or 0) * _BYTES.get(scorer.dtype, 2 if on_vllm and not on_cpu else 4)
    if on_vllm and not on_cpu:
        return Share(name, weights, 0, gpu=scorer.gpu_memory_utilization or VLLM_SHARE)
    return Share(name, weights, (scorer.kv_cache_mib or CPU_KV_CACHE_MIB) << 20 if on_vllm else 0)


def check_fit(shares: Sequence[Share], available: int | None) -> str:
    """The shares as a table; ScorerLoadError with it where they cannot all fit.

    `available` are the bytes of main memory that are free for them; None where that is not known.
    """
    told = table(shares, available)
    claimed = sum(share.gpu for share in shares if share.gpu is not None)
    # The shares of a device are decimal fractions, whose sum is not exact.
    if claimed > 1 + 1e-9:
        raise ScorerLoadError(
            f"the engines claim {claimed:.2f} of one GPU: give each a `gpu_memory_utilization`, together at most 1, or "
            f"a scorer a machine of its own\n{told}"
        )
    needed = sum(share.needed for share in shares if share.gpu is None)
    if available is not None and needed > available:
        raise ScorerLoadError(
            f"the engines need {needed / _GIB:.1f} GiB of memory and {available / _GIB:.1f} GiB are free: use smaller "
            f"models, a smaller `kv_cache_mib`, `dtype: bfloat16` or fewer scorers\n{told}"
        )
    return told


def table(shares: Sequence[Share], available: int | None) -> str:
    """A line for each engine, and one for all of them."""
    lines = [f"{'memory':32} {'weights':>9} {'KV cache':>9} {'processes':>9} {'share':>7}"]
    for share in shares:
        weights = "?" if share.weights is None else f"{share.weights / _GIB:.2f}"
        cache = f"{share.cache / _GIB:.2f}" if share.gpu is None else "the rest"
        part = "" if share.gpu is None else f"{share.gpu:.2f}"
        lines.append(f"{share.name[:32]:32} {weights:>9} {cache:>9} {share.processes / _GIB:>9.2f} {part:>7}")
    needed = sum(share.needed for share in shares if share.gpu is None) / _GIB
    claimed = [share.gpu for share in shares if share.gpu is not None]
    free = "unknown" if available is None else f"{available / _GIB:.1f}"
    lines.append(f"GiB of main memory: {needed:.1f} needed, {free} free" if needed else "GiB")
    if claimed:
        lines.append(f"of each GPU: {sum(claimed):.2f} claimed")
    return "\n".join(lines)


def free_memory(meminfo: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that new processes can have: what the kernel calls available, cut to the container's limit."""
    found = [size for size in (_available(meminfo), _left_in(cgroup)) if size is not None]
    return min(found, default=None)


def _available(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), None)


def _left_in(cgroup: Path) -> int | None:
    try:
        limit, used = (cgroup / "memory.max").read_text(), (cgroup / "memory.current").read_text()
        # The page cache is counted as used, and given up when it is needed.
        stat = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        return int(limit) - int(used) + int(stat.get("inactive_file", 0))
    except (OSError, ValueError):
        return None
