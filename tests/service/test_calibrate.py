"""`nbest calibrate` on a scripted engine: its figures, its file of prompts, and that it leaves nothing running."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.calibrate import as_chat, read_prompts
from service.cli import app
from strategies.base.errors import InvalidRequest
from strategies.base.types import Message

SCRIPTED = ["--set", "engine.kind=scripted"]


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["calibrate", *SCRIPTED, *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_every_tau_and_share_has_a_point() -> None:
    told = json.loads(
        invoke("--json", "--tau", "6", "--tau", "2", "--keep", "0.25", "--keep", "1", "--limit", "7")
    )
    assert [(point["tau"], point["keep"], point["prompts"]) for point in told] == [
        (2, 0.25, 7),
        (2, 1.0, 7),
        (6, 0.25, 7),
        (6, 1.0, 7),
    ]
    assert told[0]["saved"] > told[2]["saved"] > 0
    assert (told[1]["lost"], told[1]["saved"]) == (0, 0)
    # The scripted scores are hashes of the text: what it says at tau says nothing of the end.
    assert told[0]["lost"] > 0.3


def test_the_table_is_for_people() -> None:
    assert "winner lost" in invoke("--tau", "3", "--limit", "2")


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
