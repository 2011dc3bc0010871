"""Settings: which source wins, and that nothing wrong passes."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.reward_models.loading.registry import backend_of
from service.settings import Settings


def test_flags_beat_environment_beat_file_beat_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "nbest.yaml"
    file.write_text("server: {port: 1, host: 0.0.0.0}\nlimits: {max_n: 3}\nengine: {max_num_seqs: 5}\n")
    monkeypatch.setenv("NBEST_SERVER__PORT", "2")
    monkeypatch.setenv("NBEST_LIMITS__MAX_N", "4")
    settings = Settings.load(file, server={"port": 3})
    assert (settings.server.port, settings.server.host) == (3, "0.0.0.0")
    assert (settings.limits.max_n, settings.engine.max_num_seqs, settings.limits.max_tokens) == (4, 5, 4096)


@pytest.mark.parametrize(
    "flags",
    [
        {"server": {"port": 99999}},
        {"server": {"prot": 1}},
        {"nothing": 1},
        {"scorers": [{"name": "a", "kind": "outcome"}, {"name": "a", "kind": "step"}]},
        {"scorers": [{"name": "Bad Name", "kind": "outcome"}]},
    ],
    ids=str,
)
def test_what_is_wrong_is_refused(flags: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.load(**flags)


def test_an_unknown_key_in_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "nbest.yaml"
    file.write_text("sever: {port: 1}\n")
    with pytest.raises(ValidationError):
        Settings.load(file)


def test_the_default_scorers_follow_the_engine() -> None:
    names = [
        (scorer.name, backend_of(scorer))
        for scorer in Settings.load(engine={"backend": "scripted"}).loaded_scorers
    ]
    assert names == [("outcome", "scripted"), ("step", "scripted")]
    assert backend_of(Settings().loaded_scorers[0]) == "vllm"
    assert Settings.load(scorers=[]).loaded_scorers == []


def test_every_setting_says_what_it_is() -> None:
    for section in Settings.model_json_schema()["$defs"].values():
        for name, field in section["properties"].items():
            assert field.get("description"), name
