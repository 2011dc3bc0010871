"""Which field of a request is wrong, as its sender wrote it: pydantic's locations without the names of types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_LONGEST_KEY: Final = 80
_VALUE_ERROR: Final = "Value error, "
_EXPECTED: Final = "Input should be "


class WrongField(ValueError):
    """A validator's complaint about a model as a whole that is the fault of one of its fields."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class FieldFault:
    """The first thing wrong: `path` as in `messages.0.content` (empty: the whole), pydantic's `kind` of error."""

    path: str
    message: str
    kind: str


def first_fault(errors: Sequence[Mapping[str, Any]], sent: object) -> FieldFault:
    """The first of pydantic's `errors` about what was `sent`; their locations start at its top.

    A union complains once for each of its arms. Of these the one that went deepest was meant, and where several
    went equally deep what each of them expects is told.
    """
    paths = [field_path(error, sent) for error in errors]
    arms = [i for i, path in enumerate(paths) if path[: len(paths[0])] == paths[0]]
    deepest = max(arms, key=lambda i: len(paths[i]))
    messages = [_message(errors[i]) for i in arms if paths[i] == paths[deepest]]
    return FieldFault(".".join(paths[deepest]), _joined(messages), str(errors[deepest]["type"]))


def field_path(error: Mapping[str, Any], sent: object) -> tuple[str, ...]:
    """The keys and indices that lead to the fault in what was `sent`; what is in no key or index is a type's name."""
    path: list[str] = []
    value = sent
    for part in error["loc"]:
        if (isinstance(value, Mapping) and part in value) or (
            isinstance(value, list | tuple) and isinstance(part, int) and 0 <= part < len(value)
        ):
            value = value[part]
        else:
            continue
        path.append(str(part)[:_LONGEST_KEY])
    return (*path, *_named(error))


def _named(error: Mapping[str, Any]) -> tuple[str, ...]:
    """The field at fault where the location ends above it: it is missing, chooses the type, or a validator tells it."""
    context = error.get("ctx") or {}
    if error["type"] == "missing":
        return tuple(str(part) for part in error["loc"][-1:])
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return (str(context["discriminator"]).strip("'"),)
    cause = context.get("error")
    return (cause.field,) if isinstance(cause, WrongField) else ()


def _message(error: Mapping[str, Any]) -> str:
    return str(error["msg"]).removeprefix(_VALUE_ERROR)


def _joined(messages: Sequence[str]) -> str:
    """What the arms of a union expect, in one sentence; else the first complaint."""
    expected = list(dict.fromkeys(messages))
    if not all(message.startswith(_EXPECTED) for message in expected):
        return expected[0]
    return _EXPECTED + " or ".join(message.removeprefix(_EXPECTED) for message in expected)
