"""`nbest generate` and `nbest compare` as a user meets them: of a service on a scripted engine, and one of its own."""

import asyncio
import io
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nbest_client import Client, Compared, Custom, InvalidRequest, RunEvent
from rich.console import Console
from typer.testing import CliRunner, Result

from service.cli.client import live, progress
from service.cli.client.comparison_table import side_by_side
from service.cli.client.progress import Watched
from service.cli.main import app
from service.engine.scripted.engine import ScriptedEngine
from service.keys.keyring import new_key
from service.keys.settings import KeySettings
from service.settings import ServerSettings, Settings
from tests.service.fixtures import Running, listening

QUESTION = "What is 6 times 7?"
runner = CliRunner()


def run(*arguments: str, stdin: str | None = None, env: dict[str, str] | None = None) -> Result:
    """The command, in a wide terminal and without the key of whoever runs the tests."""
    wide = {"COLUMNS": "200", "NBEST_API_KEY": "", **(env or {})}
    return runner.invoke(app, list(arguments), input=stdin, env=wide)


async def nbest(*arguments: str, **options: Any) -> Result:
    """The command in a thread of its own: the service that it asks lives in this loop."""
    return await asyncio.to_thread(run, *arguments, **options)


def failed(result: Result, code: int) -> str:
    """What a command that failed said: one line, on stderr alone."""
    assert result.exit_code == code, result.output
    assert (result.stdout, result.stderr.count("\n")) == ("", 1)
    assert result.stderr.startswith("nbest: ")
    return result.stderr


async def test_generate_shows_candidates_answer_and_cost(shared: Running) -> None:
    told = await nbest("generate", QUESTION, "--strategy", "best_of_n", "--n", "4", "--url", shared.url)
    assert told.exit_code == 0
    for piece in ("4 candidates", "selected", "tokens generated"):
        assert piece in told.stdout


@pytest.mark.parametrize(
    "written",
    ['best_of_n:{"n": 3, "scorer": "step"}', '{"name": "best_of_n", "n": 3, "scorer": "step"}'],
)
async def test_generate_as_json_with_a_strategy_s_parameters(shared: Running, written: str) -> None:
    told = await nbest("generate", QUESTION, "--strategy", written, "--url", shared.url, "--json")
    answer = json.loads(told.stdout)
    assert len(answer["explanation"]["candidates"]) == 3
    assert answer["choices"][0]["text"]
    assert answer["explanation"]["candidates"][0]["text"]


async def test_the_prompt_comes_from_standard_input(own: Running) -> None:
    told = await nbest("generate", "-", "--url", own.url, "--json", stdin="Tell me\nof shells.\n")
    assert told.exit_code == 0
    typed = await nbest("generate", "Tell me\nof shells.", "--url", own.url, "--json")
    read, written = (json.loads(result.stdout)["usage"]["prompt_tokens"] for result in (told, typed))
    assert read == written


async def test_compare_shows_a_row_a_strategy(shared: Running) -> None:
    strategies = ("--strategy", "single", "--strategy", 'best_of_n:{"n": 4}')
    told = await nbest("compare", QUESTION, *strategies, "--url", shared.url, "--seed", "1")
    assert told.exit_code == 0, told.output
    for piece in ("answer", "score", "candidates", "tokens", "FLOPs", "seconds", "best_of_n(n=4)", "sample "):
        assert piece in told.stdout
    assert "degraded" not in told.stdout


async def test_a_long_answer_leaves_the_figures_whole_in_a_narrow_terminal() -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "Mia has some shells. " * 12)
    async with listening(engine) as running:
        strategy = ("--strategy", 'best_of_n:{"n": 4}')
        told = await nbest("compare", QUESTION, *strategy, "--url", running.url, env={"COLUMNS": "80"})
    lines = told.stdout.splitlines()
    assert any(re.search(r"best_of_n\(n=4\) .* 4 .* 196 ", line) for line in lines), told.stdout
    assert any("Mia has some shells. Mia has some shells." in line for line in lines)
    assert any("sample 0." in line for line in lines)


async def test_compare_as_json_has_the_figures_and_the_results(shared: Running) -> None:
    strategies = ("--strategy", "single", "--strategy", 'best_of_n:{"n": 4}')
    told = await nbest("compare", QUESTION, *strategies, "--url", shared.url, "--json")
    plain, best = json.loads(told.stdout)["rows"]
    assert (plain["strategy"], plain["candidates"]) == ("single", 1)
    assert (best["strategy"], best["candidates"]) == ("best_of_n(n=4)", 4)
    winner = best["result"]["explanation"]["selected"][0]
    scores = {each["index"]: each["score"] for each in best["result"]["explanation"]["candidates"]}
    assert best["score"] == scores[winner] == max(scores.values())
    assert best["tokens"] == best["result"]["usage"]["completion_tokens"] > plain["tokens"]
    assert best["time_ms"] == best["result"]["explanation"]["time_ms"]
    assert best["time_ms"]["sample"] > 0
    assert best["seconds"] > 0
    assert best["error"] is None


async def test_a_strategy_that_fails_has_the_server_s_words_in_its_row(shared: Running) -> None:
    strategies = ("--strategy", "worst_of_n", "--strategy", "single")
    told = await nbest("compare", QUESTION, *strategies, "--url", shared.url)
    assert told.exit_code == 1
    assert "InvalidRequest: strategy.name must be one of" in told.stdout
    as_json = await nbest("compare", QUESTION, *strategies, "--url", shared.url, "--json")
    assert as_json.exit_code == 1
    worst, plain = json.loads(as_json.stdout)["rows"]
    assert worst["error"]["status"] == 400
    assert worst["error"]["param"].startswith("strategy")
    assert worst["result"] is None
    assert plain["answer"]


async def test_a_refusal_is_the_server_s_message(shared: Running) -> None:
    told = await nbest("generate", "x", "--strategy", "worst_of_n", "--url", shared.url)
    assert failed(told, 1).startswith("nbest: strategy.name must be one of")
    assert "status 400" in told.stderr


def test_no_service_is_one_line() -> None:
    for command in (("generate", "x"), ("compare", "x", "--strategy", "single")):
        told = run(*command, "--url", "http://127.0.0.1:9", "--timeout", "0.5")
        failed(told, 1)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["generate", " "], "the prompt is empty"),
        (["generate", "x", "--strategy", "best_of_n:{n: 4}"], "not JSON"),
        (["generate", "x", "--strategy", "best_of_n:[4]"], "not a JSON object"),
        (["generate", "x", "--strategy", 'best_of_n:{"name": "single"}'], "named twice"),
        (["compare", "x", "--strategy", '{"n": 4}'], "has no name"),
        (["generate", "x", "--url", "nowhere"], "base_url is the server's address"),
        (
            ["generate", "x", "--url", "http://127.0.0.1:9", "--key-env", "NO_SUCH_KEY"],
            "NO_SUCH_KEY holds no",
        ),
        (
            ["generate", "x", "--url", "http://127.0.0.1:9", "--set", "engine.backend=scripted"],
            "service of our own",
        ),
    ],
)
def test_a_mistaken_command_line_is_one_line_and_exit_code_2(arguments: list[str], why: str) -> None:
    assert why in failed(run(*arguments), 2)


@pytest.fixture
async def guarded() -> AsyncIterator[tuple[Running, str]]:
    """A service that wants a key, and the key."""
    key, digest = new_key()
    settings = Settings(
        server=ServerSettings(log_level="warning"), keys=[KeySettings(name="me", sha256=digest)]
    )
    async with listening(ScriptedEngine(), settings=settings) as running:
        yield running, key


async def test_the_key_comes_from_the_environment_and_is_never_shown(guarded: tuple[Running, str]) -> None:
    running, key = guarded
    for name in ("NBEST_API_KEY", "TEAM_KEY"):
        options = ("--url", running.url, "--key-env", name)
        told = await nbest("generate", QUESTION, *options, env={name: key})
        assert told.exit_code == 0, told.output
        assert key not in told.output
    wrong = key[:-1] + ("a" if key[-1] != "a" else "b")
    told = await nbest("generate", QUESTION, "--url", running.url, env={"NBEST_API_KEY": wrong})
    assert wrong not in failed(told, 1)
    assert "status 401" in told.stderr


def row(strategy: str, **more: Any) -> Compared:
    return Compared(strategy, 1.5, **more)


def test_what_a_server_says_cannot_act_in_the_terminal() -> None:
    console = Console(width=120, record=True, quiet=False, force_terminal=False)
    console.print(side_by_side([row(str(Custom("[red]x")), error=InvalidRequest("a\x1b[2J\nb"))]))
    shown = console.export_text()
    assert "[red]x" in shown
    assert "a�[2J ⏎ b" in shown


async def test_progress_is_shown_in_a_terminal(shared: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    # However slow the machine is: the last event is waited for, and drawn.
    monkeypatch.setattr(progress, "_FAREWELL_S", 60)
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120)
    strategies = [Custom("best_of_n", n=3), Custom("single"), Custom("worst_of_n")]
    with Client(shared.url) as client:
        told = await asyncio.to_thread(live.compare, client, QUESTION, strategies, terminal)
        best = await asyncio.to_thread(live.generate, client, QUESTION, strategies[0], terminal)
    assert [row.candidates for row in told.rows] == [3, 1, None]
    assert isinstance(told.rows[2].error, InvalidRequest)
    shown = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert best.text.splitlines()[0] in shown
    for piece in ("best_of_n(n=3): ", "single: waiting", "best_of_n(n=3): finished, "):
        assert piece in shown


async def test_no_progress_where_there_is_no_terminal(shared: Running) -> None:
    file = Console(file=io.StringIO(), force_terminal=False, width=120)
    with Client(shared.url) as client:
        await asyncio.to_thread(live.generate, client, QUESTION, Custom("single"), file)
    assert file.file.getvalue() == ""  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"type": "queued"}, "s: queued, 0.0 s"),
        ({"type": "sampling", "done": 0, "total": 8, "tokens": 12}, "s: sampling 0/8, 12 tokens, 0.0 s"),
        ({"type": "fusing", "tokens": 40}, "s: fusing, 40 tokens, 0.0 s"),
    ],
)
def test_a_line_of_progress(told: dict[str, Any], line: str) -> None:
    event = RunEvent(id="req_1", seq=1, at_ms=0.5, **told)
    assert Watched("s", told=event).line() == line
    assert Watched("s").line() == "s: 0.0 s"


OWN = ("--set", "engine.backend=scripted", "--set", "server.log_level=warning")


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a service of our own leaves its log."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_without_an_address_a_service_is_started_and_leaves_nothing(logs: Path) -> None:
    strategies = ("--strategy", "single", "--strategy", 'best_of_n:{"n": 2}')
    # Keys of the configuration are for others: ours is the only one that this service knows.
    keys = ("--set", f'keys=[{{name: other, sha256: "{"0" * 64}"}}]')
    told = run("compare", QUESTION, *strategies, *OWN, *keys, "--json")
    assert told.exit_code == 0, told.output
    assert [each["candidates"] for each in json.loads(told.stdout)["rows"]] == [1, 2]
    assert list(logs.iterdir()) == []


def test_a_service_of_our_own_that_does_not_start_says_why_and_keeps_its_log(logs: Path) -> None:
    preset = ("--set", "presets={careful: {name: best_of_n, m: 3}}")
    line = failed(run("generate", QUESTION, *OWN, *preset), 1)
    assert "preset 'careful': strategy.m is not a parameter" in line
    (log,) = logs.iterdir()
    assert str(log) in line


def test_a_wrong_setting_is_told_before_anything_starts(logs: Path) -> None:
    assert "configuration: server.prot" in failed(run("generate", "x", "--set", "server.prot=1"), 1)
    assert list(logs.iterdir()) == []


def test_without_the_client_the_commands_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nbest_client", None)
    assert "pip install ./clients/python" in failed(run("generate", "x", "--url", "http://x"), 1)
