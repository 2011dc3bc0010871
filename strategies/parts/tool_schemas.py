"""Whether calls keep to what was offered: the function is one of them, and its arguments follow its schema.

Schemas are the caller's: a pattern in one is matched by RE2, in time that grows with the text alone, and a reference
leads nowhere but into the schema itself.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from strategies.base.types import ToolCall, Tools
from strategies.text.pattern import compiled


def flaw_of(calls: Sequence[ToolCall], tools: Tools) -> str | None:
    """`invalid_tool_call` if one of the calls breaks what was offered; None if none does."""
    functions = tools.functions
    is_fine = all(c.name in functions and follows(c.arguments, functions[c.name]) for c in calls)
    return None if is_fine else "invalid_tool_call"


def follows(arguments: str, schema: Mapping[str, Any]) -> bool:
    """Whether the arguments are a JSON object that follows the schema."""
    try:
        value = json.loads(arguments, parse_constant=_refuse)
        return isinstance(value, dict) and bool(_validator(json.dumps(schema)).is_valid(value))
    except (ValueError, RecursionError, Unresolvable):
        return False


def check_schema(schema: Mapping[str, Any]) -> None:
    """ValueError says what is wrong with a schema of parameters."""
    try:
        Draft202012Validator.check_schema(schema)
        for pattern in _patterns(schema):
            compiled(pattern)
    except SchemaError as error:
        raise ValueError(error.message[:300]) from None
    except RecursionError:
        raise ValueError("the schema is nested too deeply") from None


@lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    return _Validator(json.loads(schema), registry=Registry())


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not compiled(pattern).search(value):
        yield ValidationError("the text does not match the pattern")


def _pattern_properties(validator: Any, patterns: Any, value: Any, _: Any) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    for pattern, schema in patterns.items():
        for name, item in value.items():
            if compiled(pattern).search(name):
                yield from validator.descend(item, schema, path=name, schema_path=pattern)


_extend: Any = validators.extend
_Validator: Any = _extend(
    Draft202012Validator, {"pattern": _pattern, "patternProperties": _pattern_properties}
)


def _patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        if isinstance(schema.get("patternProperties"), dict):
            yield from schema["patternProperties"]
        for item in schema.values():
            yield from _patterns(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from _patterns(item)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")
