"""The one table from kinds of failure to HTTP status, in OpenAI's error shape, at most 4 KiB."""

import math
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from strategies.base.errors import (
    DeadlineExceeded,
    EngineFailed,
    InvalidRequest,
    NbestError,
    NotFound,
    Overloaded,
    PromptTooLong,
    QuotaExceeded,
    ScorerFailed,
    TooLongToScore,
    Unsupported,
)

LONGEST_RETRY_AFTER_S = 60
_RESTART_S = 5
"""When to ask again after a failure that may have been the last sign of an engine: small ones are back by then."""
_LONGEST_MESSAGE = 500
_LONGEST_PARAM = 100


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of failure looks on the wire; `retry` and `retry_after_s` tell a client of trying again."""

    status: int
    type: str
    code: str
    retry: bool
    retry_after_s: float | None = None


KINDS: dict[type[NbestError], Kind] = {
    Unsupported: Kind(400, "invalid_request_error", "unsupported_parameter", False),
    PromptTooLong: Kind(400, "invalid_request_error", "context_length_exceeded", False),
    InvalidRequest: Kind(400, "invalid_request_error", "invalid_value", False),
    NotFound: Kind(404, "invalid_request_error", "not_found", False),
    QuotaExceeded: Kind(429, "rate_limit_error", "rate_limit_exceeded", True),
    Overloaded: Kind(503, "server_error", "server_is_overloaded", True),
    DeadlineExceeded: Kind(504, "server_error", "deadline_exceeded", False),
    EngineFailed: Kind(503, "server_error", "engine_failed", True, _RESTART_S),
    TooLongToScore: Kind(400, "invalid_request_error", "scorer_context_length_exceeded", False),
    ScorerFailed: Kind(503, "server_error", "scorer_failed", True, _RESTART_S),
}


class ErrorObject(BaseModel):
    """What went wrong; `param` names the field, where one is to blame."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorReply(BaseModel):
    """The body of every reply that is an error."""

    error: ErrorObject


INTERNAL = Kind(500, "server_error", "internal_error", False)


def kind_of(error: Exception) -> Kind:
    """The entry of the error's class, or of the nearest base that has one."""
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), INTERNAL)


def body(message: str, *, type: str, code: str, param: str | None = None) -> dict[str, Any]:
    """OpenAI's error object; the message is cut so that an error can never be used to amplify a request."""
    short = message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"
    return {
        "error": {
            "message": short,
            "type": type,
            "param": param[:_LONGEST_PARAM] if param else None,
            "code": code,
        }
    }


def body_of(error: Exception) -> dict[str, Any]:
    """The error object of an exception; what we did not raise on purpose is not shown to the caller."""
    kind = kind_of(error)
    message = str(error) if isinstance(error, NbestError) else "internal error"
    return body(message, type=kind.type, code=kind.code, param=getattr(error, "param", None))


def headers_of(error: Exception) -> dict[str, str]:
    """What tells a client whether and when to try again."""
    kind = kind_of(error)
    headers = {"x-should-retry": "true" if kind.retry else "false"}
    seconds = error.retry_after_s if isinstance(error, Overloaded) else kind.retry_after_s
    if seconds is not None:
        headers["retry-after"] = str(min(max(1, math.ceil(seconds)), LONGEST_RETRY_AFTER_S))
    return headers


def body_of_run(error: BaseException) -> dict[str, Any]:
    """The error object of a run that ended by `error`; a cancelled run has no reply, and an event all the same."""
    if isinstance(error, Exception):
        return body_of(error)
    return body("the client left, or the server was stopped", type="server_error", code="cancelled")
