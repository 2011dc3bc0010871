"""What a JSON schema refers to: references within it are followed, any other would be accepted and not honoured."""

from collections.abc import Iterator
from typing import Any, Final

from strategies.base.errors import InvalidRequest

_FIELD: Final = "response_format"
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_MAPS: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
_SCHEMAS: Final = (
    "additionalProperties", "unevaluatedProperties", "propertyNames", "contains", "additionalItems", "unevaluatedItems",
    "not", "if", "then", "else", "contentSchema", "items", "prefixItems", "allOf", "anyOf", "oneOf",
)  # fmt: skip
_OPTIONS: Final = "x-guidance"


def check_references(schema: Any) -> None:
    """InvalidRequest, saying where, for a reference to another document, which nobody here fetches.

    Options of the grammar compiler, which a schema could bring along, are the operator's.
    """
    if isinstance(schema, dict) and _OPTIONS in schema:
        raise InvalidRequest(f"{_FIELD}: {_OPTIONS} is not the caller's to choose", param=_FIELD)
    for place, inner in _schemas(schema):
        for name in _REFERENCES:
            target = inner.get(name)
            if target is not None and not (isinstance(target, str) and target.startswith("#")):
                message = (
                    f"{_FIELD}: {name} {str(target)[:100]!r} at {place[:200] or 'the top'}: only references within "
                    "the schema (#/…) are followed, and nothing is fetched"
                )
                raise InvalidRequest(message, param=_FIELD)


def _schemas(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in a schema, with its place; what is a value (const, enum, examples) is none."""
    waiting = [("", schema)]
    while waiting:
        place, here = waiting.pop()
        if isinstance(here, list):
            waiting += [(f"{place}/{i}", inner) for i, inner in enumerate(here)]
        if not isinstance(here, dict):
            continue
        yield place, here
        waiting += [(f"{place}/{key}", here[key]) for key in _SCHEMAS if key in here]
        for key in _MAPS:
            inner = here.get(key)
            if isinstance(inner, dict):
                waiting += [(f"{place}/{key}/{name}", value) for name, value in inner.items()]
