"""vLLM's exceptions to ours: wrong requests keep the name of their field, a lost engine is EngineFailed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Final

from vllm.v1.engine.exceptions import EngineDeadError

from service.engine.vllm.compat import VLLMClientError
from strategies.base.errors import EngineFailed, InvalidRequest
from strategies.base.types import Decoding

# Where vLLM's name for a field is not the caller's.
_FIELDS: Final = {
    "extra_args": "top_h",
    "prompt_token_ids": "prompt",
    "structured_outputs": "response_format",
}
_DECODING: Final = frozenset(field.name for field in fields(Decoding))
_LONGEST: Final = 1000


def invalid(error: Exception, unnamed: str | None = None) -> InvalidRequest:
    """The request's fault, in vLLM's words; `unnamed` is the field at fault where vLLM names none."""
    message = str(error.args[0]) if error.args else str(error)
    field = getattr(error, "parameter", None) or _begun_with(message)
    return InvalidRequest(message[:_LONGEST], param=_FIELDS.get(field, field) if field else unnamed)


def _begun_with(message: str) -> str | None:
    """Where vLLM names no field, its sentence mostly begins with one: "min_tokens must be less than …"."""
    word = message.split(maxsplit=1)[0] if message.strip() else ""
    return word if word in _DECODING else None


@contextmanager
def translated(unnamed: str | None = None) -> Iterator[None]:
    """Raise InvalidRequest or EngineFailed in place of vLLM's own errors; others pass."""
    try:
        yield
    except EngineDeadError as error:
        raise EngineFailed("the generator's engine has died") from error
    except VLLMClientError as error:
        raise invalid(error, unnamed) from error
