"""References that leave the schema are refused with their place; values that only look like references are none."""

from typing import Any

import pytest

from service.admission.schema import check_references
from strategies.base.errors import InvalidRequest

REMOTE = (
    "http://example.invalid/s.json", "https://json-schema.org/draft/2020-12/schema", "other.json", "file:///etc/passwd",
    "urn:x:y", "//example.invalid/x", "http://169.254.169.254/latest/meta-data/", "..", "", "\x00",
)  # fmt: skip


@pytest.mark.parametrize("target", REMOTE)
@pytest.mark.parametrize("name", ["$ref", "$dynamicRef", "$recursiveRef"])
def test_a_reference_elsewhere_is_refused(name: str, target: str) -> None:
    with pytest.raises(InvalidRequest, match="nothing is fetched") as refused:
        check_references({"type": "object", "properties": {"a": {"items": [{"anyOf": [{name: target}]}]}}})
    assert refused.value.param == "response_format"
    assert f"{name} {target!r} at /properties/a/items/0/anyOf/0" in str(refused.value)


@pytest.mark.parametrize("target", [5, None, ["#"], {"$ref": "#"}])
def test_one_that_is_no_text_is_refused(target: Any) -> None:
    if target is None:
        check_references({"$ref": target})
        return
    with pytest.raises(InvalidRequest, match="at the top"):
        check_references({"$ref": target})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#anchor"}}},
        {"properties": {"$ref": {"type": "string"}}},
        {"const": {"$ref": "http://x/"}},
        {"enum": [{"$ref": "http://x/"}]},
        {"default": {"$ref": "http://x/"}, "examples": [{"$ref": "http://x/"}]},
        {"properties": 5, "items": True, "allOf": {}},
    ],
)
def test_what_stays_inside_or_is_a_value_is_taken(schema: Any) -> None:
    check_references(schema)


def test_options_of_the_compiler_are_not_the_callers() -> None:
    with pytest.raises(InvalidRequest, match="x-guidance"):
        check_references({"type": "string", "x-guidance": {"lenient": True}})
