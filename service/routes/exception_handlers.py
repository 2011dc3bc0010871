"""Every failure leaves as OpenAI's error object with the status it deserves; 422 never, and no stack trace."""

import logging
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from service.edge.error_responses import body_too_large
from service.protocol.errors import ErrorReply, body, body_of, headers_of, kind_of
from service.routes.dependencies import get_state
from service.routes.disconnect import ClientLeft
from service.routes.strict_json import BodyRefused
from strategies.base.errors import NbestError
from strategies.base.field_errors import FieldFault, first_fault

log = logging.getLogger(__name__)

_NO_RETRY = {"x-should-retry": "false"}

RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": ErrorReply, "description": "What was sent cannot be served; 422 never."},
    "5XX": {"model": ErrorReply, "description": "The service is full (503), too late (504), or has failed."},
}
"""Every operation's errors, for the OpenAPI document."""


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(NbestError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientLeft, _left)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(request: Request, error: Exception) -> Response:
    return JSONResponse(body_of(error), kind_of(error).status, headers=headers_of(error))


async def _invalid(request: Request, error: Exception) -> Response:
    """The first thing wrong with the body, in one sentence that names the field."""
    assert isinstance(error, RequestValidationError)
    fault = _fault(error)
    message = f"{fault.path}: {fault.message}" if fault.path else fault.message
    told = body(message, type="invalid_request_error", code=_code(fault.kind), param=fault.path or None)
    return JSONResponse(told, 400, headers=_NO_RETRY)


def _fault(error: RequestValidationError) -> FieldFault:
    """In a body its field; elsewhere (a path, a query) the parameter."""
    errors = error.errors()
    source, *_ = errors[0]["loc"]
    # Of a body that is no JSON, `loc` tells where it breaks off, which is no field.
    if errors[0]["type"] == "json_invalid":
        return FieldFault("", str(errors[0]["msg"]), "json_invalid")
    found = [{**found, "loc": found["loc"][1:]} for found in errors if found["loc"][0] == source]
    if source == "body":
        return first_fault(found, error.body)
    return FieldFault(str(found[0]["loc"][0]), str(found[0]["msg"]), str(found[0]["type"]))


def _code(kind: str) -> str:
    known = {
        "extra_forbidden": "unknown_parameter",
        "missing": "missing_required_parameter",
        "unsupported": "unsupported_parameter",
        "json_invalid": "invalid_json",
    }
    return known.get(kind, "invalid_value")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {
        404: "unknown_url",
        405: "method_not_allowed",
        413: "request_too_large",
        415: "unsupported_media_type",
    }
    code = error.code if isinstance(error, BodyRefused) else codes.get(error.status_code, "invalid_request")
    param = error.param if isinstance(error, BodyRefused) else None
    message = str(error.detail)
    if error.status_code == 413:
        message = body_too_large(get_state(request).settings.limits.max_body_bytes)
    told = body(message, type="invalid_request_error", code=code, param=param)
    return JSONResponse(told, error.status_code, headers={**_NO_RETRY, **(error.headers or {})})


async def _left(request: Request, error: Exception) -> Response:
    """Nobody reads this; 499 is what proxies log for it."""
    return Response(status_code=499)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.exception("unexpected error on %s", request.scope.get("route"), exc_info=error)
    return JSONResponse(body_of(error), 500, headers=_NO_RETRY)
