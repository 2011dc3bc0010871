"""One service on the real engines for the whole run: when it ends it closes the engines, which other tests share."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.engine.vllm.engine import VllmEngine
from service.settings import Settings
from strategies.catalog import CATALOG
from tests.engine.scoring_fixtures import Scoring
from tests.service.fixtures import Running, listening

SMALL: dict[str, dict[str, Any]] = {
    "single": {},
    "top_h": {},
    "early_rejection": {"beams": 4, "beam_width": 2, "tau": 6},
    "fusion_of_n": {"n": 3, "fusion_max_tokens": 48},
}


def spec(name: str) -> dict[str, Any]:
    return {"name": name, **SMALL.get(name, {"n": 4})}


@pytest.fixture(scope="session")
async def service(generator: VllmEngine, scoring: Scoring) -> AsyncIterator[Running]:
    presets = {f"my-{name}": spec(name) for name in CATALOG}
    async with listening(generator, scoring.scorers, Settings(presets=presets)) as running:
        yield running
