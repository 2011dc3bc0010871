"""The OpenAPI document as a fuzzer should read it: with the names that this service serves filled in."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

# Values that satisfy what the service checks beyond types; of the two ways to ask a question, the shorter.
_SAID: Final[Mapping[str, Any]] = {
    "prompt": {"type": "string"},
    "logit_bias": {
        "type": "object",
        "properties": {"5": {"type": "number", "minimum": -100, "maximum": 100}},
        "additionalProperties": False,
    },
    "response_format": {"enum": [{"type": "text"}, {"type": "json_object"}]},
}


def informed(
    document: Mapping[str, Any],
    model: str,
    strategies: Sequence[Mapping[str, Any]],
    scorers: Sequence[str],
) -> dict[str, Any]:
    """A copy in which `model` is one that is served and `strategy` any strategy with its own parameters.

    The document calls the one a string and the other an object, which random values do not get past.
    `strategies` are the entries of `GET /v1/strategies`, `scorers` the names of those loaded.
    """
    known = copy.deepcopy(dict(document))
    variants = [_variant(entry, known) for entry in strategies]
    names = [model, *(f"{model}@{entry['id']}" for entry in strategies)]
    said = {
        **_SAID,
        "model": {"enum": names},
        "strategy": {"anyOf": variants},
        "scorer": {"enum": list(scorers)},
    }
    for schema in known["components"]["schemas"].values():
        properties = schema.get("properties", {})
        properties.update({name: value for name, value in said.items() if name in properties})
        if {"messages", "prompt"} <= set(properties):
            del properties["messages"]
            schema["required"] = [*schema.get("required", ()), "prompt"]
    return known


def _variant(entry: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """One strategy's parameters with its name; what they refer to joins the document's own schemas."""
    parameters = copy.deepcopy(dict(entry["parameters"]))
    definitions = parameters.pop("$defs", {})
    document["components"]["schemas"].update({name: _moved(part) for name, part in definitions.items()})
    moved = _moved(parameters)
    properties = {**moved.get("properties", {}), "name": {"const": entry["id"]}}
    return {**moved, "properties": properties, "required": [*moved.get("required", ()), "name"]}


def _moved(part: Any) -> Any:
    """References into `$defs` lead into the document's schemas."""
    if isinstance(part, Mapping):
        return {key: _moved(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_moved(value) for value in part]
    if isinstance(part, str) and part.startswith("#/$defs/"):
        return part.replace("#/$defs/", "#/components/schemas/")
    return part
