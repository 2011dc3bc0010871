"""From settings to scores with a supervised generator: combined scorers start with the service and share its life."""

import asyncio

from service.app import start_parts
from service.reward_models.base.loaded import LoadedScorers
from service.settings import Settings
from tests.service.reward_models.judges.scripts import QUESTION

SETTINGS = {
    "engine": {"backend": "scripted"},
    "scorers": [
        {"name": "outcome", "kind": "outcome", "backend": "scripted"},
        {"name": "likely", "backend": "likelihood", "rule": "self_certainty"},
        {"name": "judge", "backend": "generative"},
        {"name": "both", "backend": "ensemble", "members": ["outcome", "likely"], "normalisation": "zscore"},
    ],
}


def test_generators_are_the_supervised_ones() -> None:
    parts = start_parts(Settings.model_validate(SETTINGS))
    assert isinstance(parts.scorers, LoadedScorers)

    async def ask() -> list[tuple[float | None, ...]]:
        texts = ["one [score=1]", "two hundred [score=3]"]
        try:
            return [
                (await scorer.score(QUESTION, texts)).values
                for scorer in parts.scorers.outcomes.values()  # type: ignore[attr-defined]
            ]
        finally:
            await parts.engine.aclose()

    outcome, likely, judge, both = asyncio.run(ask())
    assert outcome == (1.0, 3.0)
    assert all(value is not None for value in (*likely, *both))
    # the scripted generator answers with arithmetic, which is no verdict
    assert judge == (None, None)
    assert sum(value or 0.0 for value in both) == 0.0
