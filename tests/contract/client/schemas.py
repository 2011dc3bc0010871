"""JSON schemas brought to what matters between two sides: names, types, defaults and bounds."""

from typing import Any

import nbest_client
from nbest_client import Strategy

TYPED: dict[str, type[Strategy]] = {
    cls.name: cls
    for cls in vars(nbest_client).values()
    if isinstance(cls, type) and issubclass(cls, Strategy) and cls is not Strategy
}
"""The client's class for each strategy, by its name."""

_WORDS = ("title", "description")


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with every reference replaced by what it refers to."""
    found: dict[str, Any] = _resolved(schema, schema)
    return found


def _resolved(node: Any, root: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_resolved(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" not in node:
        return {
            key: _resolved(value, root) for key, value in node.items() if key not in ("$defs", "components")
        }
    target: Any = root
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return _resolved({**target, **{key: node[key] for key in node if key != "$ref"}}, root)


def bare(schema: dict[str, Any]) -> Any:
    """Without words and without order: what is left must be equal on both sides."""
    return _bare(resolved(schema))


def _bare(node: Any) -> Any:
    if isinstance(node, list):
        return sorted((_bare(item) for item in node), key=repr)
    if not isinstance(node, dict):
        return node
    return {key: _bare(value) for key, value in node.items() if not _says_nothing(key, value)}


def _says_nothing(key: str, value: object) -> bool:
    """Words, which are text (a property may be called `title`), and the default null, which OpenAPI leaves out."""
    return (key in _WORDS and isinstance(value, str)) or (key == "default" and value is None)


def kinds(schema: dict[str, Any]) -> set[str]:
    """The JSON types that a value may have, with those of the items of an array; the values themselves of an enum."""
    if "anyOf" in schema:
        return {kind for option in schema["anyOf"] for kind in kinds(option)}
    if schema.get("type") == "array":
        return {f"array of {kind}" for kind in kinds(schema["items"])}
    return {repr(value) for value in schema["enum"]} if "enum" in schema else {schema["type"]}
