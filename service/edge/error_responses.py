"""Refusals that are made before any route is chosen, in the shape of every other error."""

import secrets

from starlette.responses import JSONResponse

from service.protocol.errors import body

OVERLOADED = "server_is_overloaded"
STOPPING = "server_is_stopping"


def new_request_id() -> str:
    """128 random bits: no two requests share one, and no caller can guess another's."""
    return f"req_{secrets.token_hex(16)}"


def body_too_large(most: int) -> str:
    """What is wrong with a body of more than `most` bytes."""
    return f"the body has more than {most} bytes (limits.max_body_bytes)"


def refusal(status: int, code: str, message: str, *, retry_after_s: int | None = None) -> JSONResponse:
    """An error of ours; `retry_after_s` is for those that may try again."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    headers = {"x-should-retry": "true" if retry_after_s is not None else "false"}
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    return JSONResponse(body(message, type=kind, code=code), status, headers=headers)
