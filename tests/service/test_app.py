"""Starting and stopping: every engine that was started is stopped again, whatever fails in between."""

from typing import Any

import pytest

from service import app
from service.engine.scripted.engine import ScriptedEngine
from service.engine.settings import EngineSettings
from service.settings import Settings
from service.supervision.engine import SupervisedEngine
from tests.service.fixtures import scripted_scorers

SETTINGS = Settings.model_validate(
    {
        "engine": {"backend": "scripted"},
        "generators": {"large": {"backend": "scripted"}, "huge": {"backend": "scripted"}},
    }
)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[ScriptedEngine]:
    """The engines, in order of starting."""
    engines: list[ScriptedEngine] = []

    def start(*_: Any) -> ScriptedEngine:
        engines.append(ScriptedEngine())
        return engines[-1]

    monkeypatch.setattr(app, "_start_engine", start)
    return engines


def test_the_generator_starts_first_and_then_each_fusor(started: list[ScriptedEngine]) -> None:
    parts = app.start_parts(SETTINGS)
    held = [
        engine for engine in (parts.engine, *parts.fusors.values()) if isinstance(engine, SupervisedEngine)
    ]
    assert [engine.inner for engine in held] == started
    assert list(parts.fusors) == ["large", "huge"]
    assert not any(engine.dead for engine in started)


def test_a_scorer_that_does_not_load_leaves_no_engine_running(
    started: list[ScriptedEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no such model")

    monkeypatch.setattr(app, "load_scorers", fail)
    with pytest.raises(OSError, match="no such model"):
        app.start_parts(SETTINGS)
    assert [engine.dead for engine in started] == [True, True, True]


async def test_the_application_closes_every_engine_when_it_ends() -> None:
    engines = [ScriptedEngine(), ScriptedEngine()]
    running = app.create_app(SETTINGS, engines[0], scripted_scorers(), {"large": engines[1]})
    async with running.router.lifespan_context(running):
        assert not any(engine.dead for engine in engines)
    assert all(engine.dead for engine in engines)


def test_of_all_generators_only_the_served_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    counting: list[bool] = []

    def start(settings: EngineSettings, *_: Any) -> ScriptedEngine:
        counting.append(not settings.engine_args.get("disable_log_stats"))
        return ScriptedEngine()

    monkeypatch.setattr(app, "_start_engine", start)
    app.start_parts(SETTINGS)
    assert counting == [True, False, False]
