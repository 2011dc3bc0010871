"""What a reply means: an object of ours, or the error that the caller can do something about. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from nbest_client._errors import (
    AuthenticationError,
    DeadlineExceeded,
    InvalidRequest,
    NbestError,
    NotFound,
    ServerFailed,
    TryAgain,
)
from nbest_client._http.retry import retry_after_s

Model = TypeVar("Model", bound=BaseModel)

_BY_STATUS: Mapping[int, type[NbestError]] = {
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFound,
    408: TryAgain,
    429: TryAgain,
    502: TryAgain,
    503: TryAgain,
    504: DeadlineExceeded,
}

# In the middle of a stream there is no status any more: the code alone says what happened.
_BY_CODE: Mapping[str, type[NbestError]] = {
    "deadline_exceeded": DeadlineExceeded,
    "engine_failed": TryAgain,
    "not_found": NotFound,
    "rate_limit_exceeded": TryAgain,
    "reader_too_slow": TryAgain,
    "scorer_failed": TryAgain,
    "server_is_overloaded": TryAgain,
    "server_is_stopping": TryAgain,
    "unknown_url": NotFound,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id")


@dataclass(frozen=True, slots=True)
class ErrorObject:
    """OpenAI's error object, each part None where it is missing or no text."""

    message: str | None = None
    type: str | None = None
    param: str | None = None
    code: str | None = None

    @classmethod
    def of(cls, told: Any) -> "ErrorObject":
        """What stands under `error`, if anything does; a bare vLLM writes its codes as numbers."""
        error = told.get("error") if isinstance(told, dict) else None
        if not isinstance(error, dict):
            return cls()
        names = [field.name for field in fields(cls)]
        return cls(**{name: str(error[name]) for name in names if isinstance(error.get(name), str | int)})


def read(reply: Reply, model: type[Model], /, **extra: Any) -> Model:
    """The body as `model`, with what else the client knows; ServerFailed where it is something else."""
    return parse(_json(reply.body), model, reply.request_id, **extra)


def parse(told: Any, model: type[Model], request_id: str | None, /, **extra: Any) -> Model:
    """What was sent as `model`; ServerFailed where it is something else."""
    try:
        return model.model_validate({**told, **extra} if isinstance(told, dict) else told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        message = f"what answers is not nbest, or of another version: {where}: {first['msg']}"
        raise ServerFailed(message, request_id=request_id) from error


def error_of(reply: Reply) -> NbestError:
    """The error of a reply that is not a success."""
    told = ErrorObject.of(_json(reply.body))
    cls = _class_of(reply.status, reply.headers.get("x-should-retry"))
    error = cls(told.message or _no_words(reply), status=reply.status)
    error.retry_after_s = retry_after_s(reply.headers)
    return _detailed(error, told, reply.request_id)


def error_in_stream(chunk: Mapping[str, Any], request_id: str | None) -> NbestError:
    """The error of a chunk `{"error": …}`."""
    told = ErrorObject.of(chunk)
    invalid = InvalidRequest if told.type == "invalid_request_error" else ServerFailed
    cls = _BY_CODE.get(told.code or "", invalid)
    return _detailed(cls(told.message or "the stream ended with an error"), told, request_id)


def _detailed(error: NbestError, told: "ErrorObject", request_id: str | None) -> NbestError:
    error.code, error.type, error.param = told.code, told.type, told.param
    error.request_id = request_id
    return error


def _class_of(status: int, should_retry: str | None) -> type[NbestError]:
    """By the status, unless the server says in so many words whether trying again helps."""
    if should_retry == "true":
        return TryAgain
    cls = _BY_STATUS.get(status)
    if cls is TryAgain and should_retry == "false":
        cls = None
    return cls or (InvalidRequest if 400 <= status < 500 else ServerFailed)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _no_words(reply: Reply) -> str:
    """For replies of proxies and strangers, which have no error object."""
    location = reply.headers.get("location")
    moved = f"; it points to {location!r}: is that the base_url?" if location else ""
    return f"the server answered {reply.status}{moved}"
