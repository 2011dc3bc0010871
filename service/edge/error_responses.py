"""Refusals that are made before any route is chosen, in the shape of every other error."""

import secrets

from starlette.responses import JSONResponse
from starlette.types import Receive

from service.protocol.errors import body

OVERLOADED = "server_is_overloaded"
STOPPING = "server_is_stopping"


def new_request_id() -> str:
    """128 random bits: no two requests share one, and no caller can guess another's."""
    return f"req_{secrets.token_hex(16)}"


async def read_away(receive: Receive) -> None:
    """Read a body that nobody wants: closed on while it is sent, a connection loses the reply with it."""
    while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
        pass


def refusal(status: int, code: str, message: str, *, retry_after_s: int | None = None) -> JSONResponse:
    """An error of ours; `retry_after_s` is for those that may try again."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    headers = {"x-should-retry": "true" if retry_after_s is not None else "false"}
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    return JSONResponse(body(message, type=kind, code=code), status, headers=headers)
