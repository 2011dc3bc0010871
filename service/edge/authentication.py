"""Every route needs a key, unless it is listed here: what nobody thought of stays closed.

The path is the one that routes are matched by (`scope["path"]`), never one rebuilt from the Host header, which a
caller writes (CVE-2026-48710).
"""

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.keys import settings as configuration
from service.keys.caller import acting_for
from service.keys.keyring import Key, Keyring
from service.observability import request_record
from service.protocol.errors import body

OPEN_PATHS = frozenset({"/health", "/ready"})
"""What machines ask that have no key, and what tells them nothing more."""

_SCOPES: dict[str, configuration.Scope] = {"/metrics": "metrics"}


class AuthenticationMiddleware:
    """Lets through who brings a key that opens the path, and notes whose request it is."""

    def __init__(self, app: ASGIApp, keyring: Keyring) -> None:
        self._app = app
        self._keyring = keyring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._keyring.is_open or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        found = self._key(scope)
        if isinstance(found, JSONResponse):
            await found(scope, receive, send)
            return
        request_record.current().key = found.caller.name
        with acting_for(found.caller):
            await self._app(scope, receive, send)

    def _key(self, scope: Scope) -> Key | JSONResponse:
        presented = _presented(Headers(scope=scope))
        if presented is None:
            return _unauthorised("no API key was sent: send the header `Authorization: Bearer KEY`")
        key = self._keyring.find(presented)
        if key is None:
            return _unauthorised("this API key is not known here")
        needed = _SCOPES.get(scope["path"], "inference")
        return key if key.opens(needed) else _forbidden(needed)


def _presented(headers: Headers) -> str | None:
    """The bearer's key; None where there is none, or more than one header to choose from."""
    values = headers.getlist("authorization")
    scheme, _, key = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    return key.strip() or None if scheme.lower() == "bearer" else None


def _unauthorised(message: str) -> JSONResponse:
    told = body(message, type="invalid_request_error", code="invalid_api_key")
    return JSONResponse(told, 401, headers={"www-authenticate": "Bearer", "x-should-retry": "false"})


def _forbidden(scope: str) -> JSONResponse:
    told = body(
        f"this API key has not the scope {scope!r}", type="invalid_request_error", code="missing_scope"
    )
    return JSONResponse(told, 403, headers={"x-should-retry": "false"})
