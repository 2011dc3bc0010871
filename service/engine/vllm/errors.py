"""vLLM's exceptions to ours: wrong requests keep the name of their field, a lost engine is EngineFailed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from vllm.exceptions import VLLMClientError
from vllm.v1.engine.exceptions import EngineDeadError

from strategies.base.errors import EngineFailed, InvalidRequest

# Where vLLM's name for a field is not the caller's.
_FIELDS: Final = {
    "extra_args": "top_h",
    "prompt_token_ids": "prompt",
    "structured_outputs": "response_format",
}
_LONGEST: Final = 1000


def invalid(error: Exception, unnamed: str | None = None) -> InvalidRequest:
    """The request's fault, in vLLM's words; `unnamed` is the field at fault where vLLM names none."""
    field = getattr(error, "parameter", None)
    message = str(error.args[0]) if error.args else str(error)
    return InvalidRequest(message[:_LONGEST], param=_FIELDS.get(field, field) if field else unnamed)


@contextmanager
def translated(unnamed: str | None = None) -> Iterator[None]:
    """Raise InvalidRequest or EngineFailed in place of vLLM's own errors; others pass."""
    try:
        yield
    except EngineDeadError as error:
        raise EngineFailed("the generator's engine has died") from error
    except VLLMClientError as error:
        raise invalid(error, unnamed) from error
