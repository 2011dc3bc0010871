"""`GET /v1/strategies` and `GET /v1/scorers`: what a request may name."""

import inspect
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Depends

from service.reward_models.base.ports import ScorerInfo
from service.routes.dependencies import AppState, get_state
from service.routes.strict_json import strict_router
from strategies.base.strategy import Strategy
from strategies.catalog import STRATEGIES

router = strict_router()


@router.get("/v1/strategies")
async def strategies() -> dict[str, Any]:
    """Every strategy with its parameters as JSON schema, the scorers it can use and the fields it refuses."""
    return {"object": "list", "data": [_strategy(cls) for cls in STRATEGIES]}


@router.get("/v1/scorers")
async def scorers(service: Annotated[AppState, Depends(get_state)]) -> dict[str, Any]:
    """Every loaded scorer; the first of a kind is the default."""
    return {"object": "list", "data": [_scorer(info) for info in service.scorers.describe()]}


def _scorer(info: ScorerInfo) -> dict[str, Any]:
    return {"object": "scorer", **{name: value for name, value in asdict(info).items() if value is not None}}


def _strategy(cls: type[Strategy]) -> dict[str, Any]:
    return {
        "id": cls.name,
        "object": "strategy",
        "summary": inspect.cleandoc(cls.__doc__ or "").splitlines()[0],
        "scorer_kinds": list(cls.scorer_kinds),
        "needs_scorer": cls().uses_scorer,
        "streams_live": sorted(cls.live_stages),
        "refuses": sorted(cls.refuses),
        "parameters": cls.model_json_schema(),
    }
