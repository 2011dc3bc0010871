"""Before anything is served: scorers are planned and memory is counted, engines start, and a known pair is scored."""

from pathlib import Path
from typing import Any

import pytest

from service import app
from service.app import Parts
from service.engine.scripted.engine import ScriptedEngine
from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.base.sanity_check import ARITHMETIC
from service.reward_models.reward_functions.scripted import ScriptedOutcomeScorer
from service.server import DrainingServer, uvicorn_config
from service.settings import Settings
from strategies.base.types import Prompt
from tests.service.reward_models.checkpoints.making import save

SCRIPTED = Settings.model_validate({"engine": {"backend": "scripted"}, "server": {"port": 0}})


def parts(right: float) -> Parts:
    """A service whose one scorer gives this to what is right, and 0 to what is wrong."""

    def rule(prompt: Prompt, text: str) -> float:
        return right if text == ARITHMETIC.chosen else 0.0

    scorers = LoadedScorers(
        (ScorerInfo("s", "outcome", "vllm", "m"),),
        outcomes={"s": ScriptedOutcomeScorer("s", rule)},
        checks={"s": ARITHMETIC},
    )
    return Parts(ScriptedEngine(), scorers, {"large": ScriptedEngine()})


def server_of(made: Parts) -> DrainingServer:
    application = app.create_app(SCRIPTED, made.engine, made.scorers, made.fusors)
    return DrainingServer(uvicorn_config(application, SCRIPTED), application.state.service.drain, made)


async def test_a_scorer_that_is_wrong_is_not_served_and_every_engine_is_stopped() -> None:
    made = parts(right=-1.0)
    server = server_of(made)
    with pytest.raises(ScorerLoadError, match=r"^scorer 's': it puts a wrong answer at 0, a right one at -1"):
        await server.serve()
    assert not server.started
    assert isinstance(made.engine, ScriptedEngine)
    assert made.engine.dead
    assert all(fusor.dead for fusor in made.fusors.values() if isinstance(fusor, ScriptedEngine))


async def test_a_scorer_that_is_right_is_served() -> None:
    made = parts(right=1.0)
    server = server_of(made)
    server.should_exit = True
    await server.serve()
    assert server.started


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done, in order."""
    done: list[str] = []

    def start(*_: Any) -> ScriptedEngine:
        done.append("engine")
        return ScriptedEngine()

    def load(*_: Any, **__: Any) -> LoadedScorers:
        done.append("scorers")
        return LoadedScorers(())

    monkeypatch.setattr(app, "_start_engine", start)
    monkeypatch.setattr(app, "load_scorers", load)
    return done


def with_scorer(model: str) -> Settings:
    scorer = {"name": "s", "kind": "outcome", "model": model, "backend": "transformers"}
    return Settings.model_validate({"engine": {"backend": "scripted"}, "scorers": [scorer]})


def test_a_repository_is_fetched_before_any_engine_tells_the_process_to_stay_offline(
    tmp_path: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    def fetched(repository: str, **_: Any) -> str:
        started.append(f"fetch {repository}")
        return str(save(tmp_path))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetched)
    app.start_parts(with_scorer("owner/reward-model"))
    assert started == ["fetch owner/reward-model", "engine", "scorers"]


def test_what_cannot_fit_is_refused_before_any_engine_starts_and_what_can_is_told(
    tmp_path: Path, started: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = with_scorer(str(save(tmp_path)))
    monkeypatch.setattr(app, "free_memory", lambda: 1 << 20)
    with pytest.raises(ScorerLoadError, match=r"need 1\.0 GiB of memory and 0\.0 GiB are free"):
        app.start_parts(settings)
    assert not started
    monkeypatch.setattr(app, "free_memory", lambda: 4 << 30)
    app.start_parts(settings)
    assert started == ["engine", "scorers"]
    assert "scorer s" in capsys.readouterr().err


def test_a_service_that_loads_nothing_counts_nothing(
    started: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    app.start_parts(SCRIPTED)
    assert capsys.readouterr().err == ""


def test_what_a_file_leaves_out_stays_unstated_when_sources_are_merged(tmp_path: Path) -> None:
    file = tmp_path / "nbest.yaml"
    file.write_text("scorers:\n  - {name: s, kind: outcome, model: /m, max_num_seqs: 8}\n")
    (scorer,) = Settings.load(file, engine={"backend": "scripted"}).loaded_scorers
    assert "max_num_seqs" in scorer.model_fields_set
    assert "kv_cache_mib" not in scorer.model_fields_set
