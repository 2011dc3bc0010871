"""The command line as a user meets it: in a process of its own, on a scripted engine."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from service.cli.main import app

runner = CliRunner()
NBEST = [sys.executable, "-m", "service.cli.main"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """`nbest serve --engine scripted`, stopped with SIGTERM, which must be a clean exit."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [*NBEST, "serve", "--engine", "scripted", "--port", str(port)], start_new_session=True
    )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the service did not become ready")


def test_serve_answers_the_command_line(url: str) -> None:
    result = runner.invoke(
        app, ["generate", "6 times 7?", "--strategy", "best_of_n", "--n", "4", "--url", url]
    )
    assert result.exit_code == 0
    assert "4 candidates" in result.output


def test_a_scripted_service_imports_no_model_library() -> None:
    code = (
        "import sys; from service.settings import Settings; from service.app import start_parts, create_app\n"
        "s = Settings.load(engine={'backend': 'scripted'}); p = start_parts(s); create_app(s, p.engine, p.scorers)\n"
        "print(sorted({'vllm', 'torch', 'transformers'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_groups_the_flags() -> None:
    output = runner.invoke(app, ["serve", "--help"], env={"COLUMNS": "120"}).output
    assert all(group in output for group in ("Server", "Engine", "Scorers", "Configuration"))


def test_config_show_merges_file_and_assignments(tmp_path: Path) -> None:
    file = tmp_path / "nbest.yaml"
    file.write_text("limits: {max_n: 7}\n")
    result = runner.invoke(app, ["config", "show", "--config", str(file), "--set", "server.port=1234"])
    shown = yaml.safe_load(result.output)
    assert (shown["limits"]["max_n"], shown["server"]["port"]) == (7, 1234)


@pytest.mark.parametrize("assignment", ["server.prot=1", "nonsense", "server.port=high"])
def test_a_wrong_setting_is_one_line_and_exit_code_1(assignment: str) -> None:
    result = runner.invoke(app, ["config", "show", "--set", assignment])
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1


def test_a_wrong_preset_stops_the_service_before_any_model_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "nbest.yaml"
    file.write_text("presets: {careful: {name: best_of_n, m: 3}}\nengine: {backend: vllm, model: /nowhere}\n")
    done = subprocess.run(
        [*NBEST, "serve", "--config", str(file)], capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 1
    assert "preset 'careful': strategy.m is not a parameter" in done.stderr


def test_config_schema_is_json_schema() -> None:
    assert "properties" in json.loads(runner.invoke(app, ["config", "schema"]).output)


def test_strategies_lists_the_catalogue() -> None:
    assert "best_of_n" in runner.invoke(app, ["strategies"]).output


def ended(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`nbest` in a process of its own, to its end."""
    return subprocess.run(
        [*NBEST, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
        check=False,
    )


def assert_one_line(done: "subprocess.CompletedProcess[str]", *parts: str) -> None:
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("nbest: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert all(part in done.stderr for part in parts), done.stderr


@pytest.mark.parametrize(
    ("environment", "parts"),
    [
        ({"NBEST_SEVER__PORT": "1"}, ("NBEST_SEVER__PORT", "NBEST_SERVER")),
        ({"NBEST_LIMIT__MAX_N": "1"}, ("NBEST_LIMIT__MAX_N", "NBEST_LIMITS")),
        ({"NBEST_SERVER__PROT": "1"}, ("server.prot",)),
        ({"NBEST_SERVER__HOST": ""}, ("NBEST_SERVER__HOST is empty",)),
        ({"NBEST_KEYS": " "}, ("NBEST_KEYS is empty",)),
        ({"NBEST_SERVER__PORT": "high"}, ("server.port",)),
    ],
    ids=str,
)
def test_a_variable_that_is_no_setting_or_empty_is_one_line(
    environment: dict[str, str], parts: tuple[str, ...]
) -> None:
    assert_one_line(ended("config", "show", **environment), *parts)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("server: {port: 1", ("line 1, column 17",)),
        ("server:\n\tport: 1\n", ("line 2",)),
        ("- a\n- b\n", ("nbest.yaml",)),
        ("just a word\n", ("nbest.yaml",)),
        ("sever: {port: 1}\n", ("sever",)),
    ],
    ids=["open", "a tab", "a list", "a word", "a typo"],
)
def test_a_broken_file_is_one_line(tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    file = tmp_path / "nbest.yaml"
    file.write_text(text)
    assert_one_line(ended("config", "show", "--config", str(file)), *parts)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("engine.model=/nowhere/at/all", "scorers=[]"), ("/nowhere/at/all", "no such folder")),
        (("engine.model=./nothing", "scorers=[]"), ("./nothing", "no such folder")),
        (
            ("engine.backend=scripted", "scorers=[{name: x, kind: outcome, model: /nowhere}]"),
            ("'x'", "/nowhere"),
        ),
        (("engine.backend=scripted", "server.host=0.0.0.0"), ("0.0.0.0", "allow_unauthenticated")),
        (("engine.backend=scripted", "server.host=192.0.2.1"), ("192.0.2.1", "allow_unauthenticated")),
    ],
    ids=str,
)
def test_what_an_operator_has_to_mend_is_one_line_at_once(
    options: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    assert_one_line(
        ended("serve", "--port", "0", *(part for one in options for part in ("--set", one))), *parts
    )


def test_a_port_in_use_is_found_before_anything_is_loaded() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_one_line(ended("serve", "--port", str(port)), f"server.port {port}", "in use")


def test_the_version_is_told() -> None:
    assert ended("--version").stdout.startswith("nbest ")


@pytest.mark.parametrize("command", [["strategies"], ["--help"], ["config", "show"], ["calibrate", "--help"]])
def test_a_terminal_without_utf8_is_no_traceback(command: list[str]) -> None:
    done = ended(*command, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
