"""JSON in the strict sense: no NaN, no infinities, no lone surrogates, no bottomless nesting."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from service.admission.validation import is_deeper
from service.routes.dependencies import get_state


class _StrictRequest(Request):
    async def json(self) -> Any:
        told = orjson.loads(await self.body())
        most = get_state(self).settings.limits.max_json_depth
        if is_deeper(told, most):
            # Anything else would reach the caller without its sentence: FastAPI rewrites it.
            raise HTTPException(400, f"the body is nested deeper than {most} levels")
        return told


class _StrictRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive))

        return strict


def strict_router() -> APIRouter:
    """A router whose routes read their bodies strictly."""
    return APIRouter(route_class=_StrictRoute)
