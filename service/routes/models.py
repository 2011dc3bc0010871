"""`GET /v1/models`: the generator, and every preset under a name of its own."""

from typing import Annotated, Any

from fastapi import Depends

from service.routes.dependencies import AppState, get_state
from service.routes.strict_json import strict_router
from strategies.base.errors import NotFound

router = strict_router()


@router.get("/v1/models")
async def models(service: Annotated[AppState, Depends(get_state)]) -> dict[str, Any]:
    """Every name that a request may put in `model`; MODEL@STRATEGY works besides."""
    return {"object": "list", "data": [_model(service, id) for id in (service.model, *service.presets)]}


@router.get("/v1/models/{id:path}")
async def model(id: str, service: Annotated[AppState, Depends(get_state)]) -> dict[str, Any]:
    """One of them."""
    if id not in (service.model, *service.presets):
        raise NotFound(f"the model {id[:200]!r} is not served", param="model")
    return _model(service, id)


def _model(service: AppState, id: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": id,
        "object": "model",
        "created": int(service.started),
        "owned_by": "nbest",
    }
    entry["max_model_len"] = service.engine.info.max_model_len
    if id in service.presets:
        strategy = service.presets[id]
        entry["root"] = service.model
        entry["nbest"] = {"name": strategy.name, **strategy.model_dump(exclude_defaults=True)}
    return entry
