"""The one table from kinds of failure to HTTP status, in OpenAI's error shape, at most 4 KiB."""

from dataclasses import dataclass
from typing import Any

from strategies.base.errors import (
    DeadlineExceeded,
    EngineFailed,
    InvalidRequest,
    NbestError,
    NotFound,
    Overloaded,
    ScorerFailed,
    TooLongToScore,
    Unsupported,
)

_LONGEST_MESSAGE = 500
_LONGEST_PARAM = 100


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of failure looks on the wire; `retry` is what `x-should-retry` tells a client."""

    status: int
    type: str
    code: str
    retry: bool


KINDS: dict[type[NbestError], Kind] = {
    Unsupported: Kind(400, "invalid_request_error", "unsupported_parameter", False),
    InvalidRequest: Kind(400, "invalid_request_error", "invalid_value", False),
    NotFound: Kind(404, "invalid_request_error", "not_found", False),
    Overloaded: Kind(503, "server_error", "server_is_overloaded", True),
    DeadlineExceeded: Kind(504, "server_error", "deadline_exceeded", False),
    EngineFailed: Kind(503, "server_error", "engine_failed", True),
    TooLongToScore: Kind(400, "invalid_request_error", "too_long_to_score", False),
    ScorerFailed: Kind(503, "server_error", "scorer_failed", True),
}

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
    headers = {"x-should-retry": "true" if kind_of(error).retry else "false"}
    if isinstance(error, Overloaded):
        headers["retry-after"] = str(max(1, round(error.retry_after_s)))
    return headers
