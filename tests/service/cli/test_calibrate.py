"""`nbest calibrate` on a scripted engine: its figures, its file of prompts, and that it leaves nothing running."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.calibration import Plan, as_chat, chosen, read_prompts, schedule
from service.cli.main import app
from strategies.base.errors import InvalidRequest
from strategies.base.types import Message
from strategies.catalog import parse
from strategies.search.calibration import Point

SCRIPTED = ["--set", "engine.backend=scripted"]


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["calibrate", *SCRIPTED, *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_every_schedule_and_share_has_a_point() -> None:
    at = ["--checkpoints", "2", "--checkpoints", "6", "--checkpoints", "2,6"]
    told = json.loads(invoke("--json", *at, "--keep-ratio", "0.25", "--keep-ratio", "1", "--limit", "7"))
    schedules = [(2,), (2,), (6,), (6,), (2, 6), (2, 6)]
    assert [tuple(point["checkpoints"]) for point in told] == schedules
    assert [(point["keep_ratio"], point["prompts"]) for point in told] == [(0.25, 7), (1.0, 7)] * 3
    assert told[4]["saved"] > told[0]["saved"] > told[2]["saved"] > 0
    assert (told[1]["lost"], told[1]["changed"], told[1]["saved"]) == (0, 0, 0)
    # The scripted scores are hashes of the text: what it says at 2 says nothing of the end.
    assert told[0]["lost"] >= told[0]["changed"] > 0.3


def test_the_table_is_for_people_and_names_what_to_send() -> None:
    told = invoke("--checkpoints", "3", "--limit", "2", "--tolerance", "1")
    assert "winner lost" in told
    assert "calibrated, for answers changed in at most 100%" in told


def test_what_is_chosen_is_a_request() -> None:
    points = [Point((6,), 0.25, 0.3, 0.05, 0.4, None, 9), Point((4, 10), 0.5, 0.3, 0.2, 0.6, None, 9)]
    plan = Plan(16, ((6,), (4, 10)), (0.25, 0.5), aggregation="min")
    _, _, spec = chosen(points, plan, 0.05).partition(": ")
    assert parse(json.loads(spec)).model_dump()["checkpoints"] == [6]
    assert '"aggregation": "min"' in spec
    assert chosen(points, plan, 0.01).startswith("no setting")


@pytest.mark.parametrize(("told", "read"), [("6", (6,)), ("6,10", (6, 10)), ("1, 2,3", (1, 2, 3))])
def test_checkpoints_are_read(told: str, read: tuple[int, ...]) -> None:
    assert schedule(told) == read


@pytest.mark.parametrize("told", ["", "a", "6,", "10,6", "6,6", "0", "-4", "2.5"])
def test_checkpoints_that_are_none_are_refused(told: str) -> None:
    with pytest.raises(InvalidRequest, match="positive numbers of tokens that rise"):
        schedule(told)
    result = CliRunner().invoke(app, ["calibrate", *SCRIPTED, f"--checkpoints={told}"])
    assert result.exit_code == 1


def test_prompts_come_from_a_file_of_json_lines(tmp_path: Path) -> None:
    asked = {"role": "user", "content": "2 times 2?"}
    chats = [{"prompt": "6 times 7?"}, {"messages": [asked]}]
    path = tmp_path / "prompts.jsonl"
    path.write_text("\n\n".join(map(json.dumps, chats)))
    assert read_prompts(path) == [(Message("user", "6 times 7?"),), as_chat([asked])]
    assert json.loads(invoke("--json", "--prompts", str(path)))[0]["prompts"] == 2


@pytest.mark.parametrize(
    "line", ["{", "{}", '{"prompt": "a", "messages": [{"role": "user"}]}', '{"prompt": ""}']
)
def test_a_line_that_is_no_prompt_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text(f'{{"prompt": "fine"}}\n{line}')
    with pytest.raises(InvalidRequest, match="line 2"):
        read_prompts(path)
    result = CliRunner().invoke(app, ["calibrate", *SCRIPTED, "--prompts", str(path)])
    assert result.exit_code == 1
