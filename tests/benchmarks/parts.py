"""A scripted service whose models have sizes, so that their arithmetic can be told."""

from dataclasses import replace

from service.app import Parts
from service.engine.ports import EngineInfo
from service.engine.scripted.engine import ScriptedEngine
from service.engine.scripted.script import Script, arithmetic
from service.reward_models.base.loaded import LoadedScorers
from tests.service.fixtures import scripted_scorers

GENERATOR, REWARD = 1000, 100


def sized_scorers() -> LoadedScorers:
    scorers = scripted_scorers()
    return replace(scorers, infos=tuple(replace(info, parameters=REWARD) for info in scorers.infos))


def sized_parts(script: Script = arithmetic) -> Parts:
    info = EngineInfo("scripted", "scripted", 8192, parameters=GENERATOR)
    return Parts(ScriptedEngine(script=script, info=info), sized_scorers())
