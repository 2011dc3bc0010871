"""JSON schemas, patterns and grammars as an attacker would send them: each a request's fields, under a name."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_PATTERNS = (
    "^(a|b|ab)*c{1,500}$", "^(a+)+$", "^((a+)+)+b$", "^(a|a)*$", "^(a|aa)+$", "^(.*)*$", "^(.*a){20}$",
    "^(.*a){200}$", "^(a?){100}a{100}$", "^(a{1,100}){1,100}$", "^a{1,100000}$", "^a{0,2147483647}$",
    "^a{99999999999999999999}$", "^((a{1,50}){1,50}){1,50}$", "^(?=a)b$", "^(?!a).*$", "(?<=a)b", "(?<!a)b",
    "^(a)\\1$", "(?P<x>a)(?P=x)", "(?(1)a|b)", "^[^]$", "[", "(", ")", "a**", "a{2,1}", "a{", "\\", "\\q", "[z-a]",
    "[\\d-z]", "\\p{L}+", "\\p{Nonsense}", "\\x{110000}", "\\u{FFFFFF}", "\\ud800", "\x00", "a\x00b", "", "^$",
    "$^", "^a$b^c$", "(?i)abc", "(?s).*", "(?#no)a", "\\bword\\b", "\\Ba", "^(?>a+)b$", "a++b",
    "^[\U0001f600-\U0001f64f]{1,400}$", "[\\s\\S]{1,5000}", ".{1000,2000}", "(a|b|c|d|e|f|g|h){1,300}x",
    "^(" + "|".join(f"w{i}" for i in range(2000)) + ")$", "(" * 200 + "a" + ")" * 200,
    "(" * 5000 + "a" + ")" * 5000, "a?" * 2000, "[ab]" * 3000, "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(a|b|ab|ba|aba)*c{400}",
)  # fmt: skip

_REFS = (
    "#", "#/", "#/nowhere", "#/$defs/missing", "#missing-anchor", "#/$defs/a/properties/b", "#/%", "#/~2",
    "other.json", "http://example.invalid/s.json", "https://json-schema.org/draft/2020-12/schema",
    "http://127.0.0.1:1/x", "file:///etc/passwd", "urn:x:y", "ftp://example.invalid/x", "//example.invalid/x",
    "http://169.254.169.254/latest/meta-data/", "..", "", "\x00",
)  # fmt: skip


def _nested(depth: int) -> Schema:
    schema: Schema = {"type": "string"}
    for _ in range(depth):
        schema = {
            "type": "object",
            "properties": {"a": schema},
            "required": ["a"],
            "additionalProperties": False,
        }
    return schema


def _arrays(depth: int) -> Schema:
    schema: Schema = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema, "minItems": 1}
    return schema


def _doubling(count: int) -> Schema:
    """Each definition names the next one twice: small to send, 2^count to write out."""
    defs: Schema = {
        f"d{i}": {
            "type": "object",
            "properties": {"l": {"$ref": f"#/$defs/d{i + 1}"}, "r": {"$ref": f"#/$defs/d{i + 1}"}},
            "required": ["l", "r"],
        }
        for i in range(count)
    }
    return {"$ref": "#/$defs/d0", "$defs": defs | {f"d{count}": {"type": "string"}}}


def _products(key: str, depth: int, width: int) -> Schema:
    schema: Schema = {"type": "integer"}
    for level in range(depth):
        schema = {
            key: [
                {"type": "object", "properties": {f"k{level}_{i}": schema}, "required": [f"k{level}_{i}"]}
                for i in range(width)
            ]
        }
    return schema


def _shapes() -> Iterator[tuple[str, Schema]]:
    """Schemas that refer to themselves, blow up, contradict themselves, or are none."""
    yield (
        "loop of two",
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    )
    yield "loop in anyOf", {"anyOf": [{"$ref": "#"}]}
    yield "loop in allOf", {"allOf": [{"$ref": "#"}]}
    yield "loop in oneOf", {"oneOf": [{"$ref": "#"}, {"$ref": "#"}]}
    yield "loop beside a type", {"type": "object", "$ref": "#"}
    yield "left recursion", {"anyOf": [{"$ref": "#"}, {"type": "string"}]}
    yield "no end", {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    yield "no end of arrays", {"type": "array", "items": {"$ref": "#"}, "minItems": 1}
    yield (
        "three that need each other",
        {
            "$ref": "#/$defs/a",
            "$defs": {
                name: {"type": "object", "properties": {"x": {"$ref": f"#/$defs/{other}"}}, "required": ["x"]}
                for name, other in ("ab", "bc", "ca")
            },
        },
    )
    yield "dynamicRef", {"$dynamicRef": "#node", "$dynamicAnchor": "node"}
    yield "recursiveRef", {"$recursiveRef": "#", "$recursiveAnchor": True}
    yield "id elsewhere", {"$id": "http://example.invalid/", "$ref": "x"}
    yield "ref is a number", {"$ref": 5}
    yield "ref is an object", {"$ref": {"$ref": "#"}}
    for count in (10, 20, 30, 200):
        yield f"doubling {count}", _doubling(count)
    for depth in (8, 14, 31, 60):
        yield f"nested {depth}", _nested(depth)
        yield f"arrays {depth}", _arrays(depth)
    for key, (depth, width) in itertools.product(("anyOf", "oneOf", "allOf"), ((2, 30), (3, 8))):
        yield f"{key} {width} to the {depth}", _products(key, depth, width)
    yield "enum of 8000", {"enum": [f"v{i}" for i in range(8000)]}
    yield "enum of long ones", {"enum": ["x" * 20_000, "y" * 20_000]}
    yield (
        "2000 properties",
        {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(2000)}},
    )
    yield (
        "300 required of 600",
        {
            "type": "object",
            "properties": {f"p{i}": {"type": "integer"} for i in range(600)},
            "required": [f"p{i}" for i in range(0, 600, 2)],
        },
    )
    yield "1500 alternatives", {"anyOf": [{"const": i} for i in range(1500)]}
    yield "minLength 10^6", {"type": "string", "minLength": 1_000_000}
    yield "maxLength 10^9", {"type": "string", "maxLength": 1_000_000_000}
    yield "minItems 10^6", {"type": "array", "minItems": 1_000_000}
    yield "maxItems 10^9", {"type": "array", "items": {"type": "integer"}, "maxItems": 10**9}
    yield "minProperties 10^6", {"type": "object", "minProperties": 1_000_000}
    yield "minItems 1000 of 1000", {
        "type": "array", "items": {"type": "array", "minItems": 1000, "maxItems": 1000}, "minItems": 1000,
    }  # fmt: skip
    yield "minimum 10^300", {"type": "integer", "minimum": 10**18, "maximum": 10**18 + 10**15}
    yield "a tiny range", {"type": "number", "minimum": 1e-300, "maximum": 1e-299}
    yield "multipleOf 0", {"type": "integer", "multipleOf": 0}
    yield "multipleOf 1e-300", {"type": "number", "multipleOf": 1e-300}
    yield "multipleOf a prime", {"type": "integer", "multipleOf": 1_000_003}
    yield "negative length", {"type": "string", "minLength": -5}
    yield "length as text", {"type": "string", "maxLength": "many"}
    yield "bounds crossed", {"type": "string", "minLength": 5, "maxLength": 2}
    yield "items crossed", {"type": "array", "minItems": 5, "maxItems": 2}
    yield "range crossed", {"type": "integer", "minimum": 5, "maximum": 2}
    yield "nothing allowed", {"enum": []}
    yield "not anything", {"not": {}}
    yield "not a string", {"not": {"type": "string"}}
    yield "a property that cannot be", {"type": "object", "properties": {"a": False}, "required": ["a"]}
    yield "types that exclude each other", {"allOf": [{"type": "string"}, {"type": "integer"}]}
    yield "const against type", {"type": "string", "const": 5}
    yield (
        "required but closed",
        {"type": "object", "properties": {}, "required": ["a"], "additionalProperties": False},
    )
    yield "type unknown", {"type": "nonsense"}
    yield "type is a number", {"type": 5}
    yield "no types", {"type": []}
    yield "properties is a list", {"type": "object", "properties": []}
    yield "required is text", {"type": "object", "required": "a"}
    yield "anyOf empty", {"anyOf": []}
    yield "anyOf is an object", {"anyOf": {}}
    yield "items is text", {"type": "array", "items": "x"}
    yield "enum is text", {"enum": "abc"}
    yield "format unknown", {"type": "string", "format": "nonsense"}
    yield "format and length", {"type": "string", "format": "uuid", "maxLength": 3}
    yield "if then else", {"if": {"type": "string"}, "then": {"minLength": 3}, "else": False}
    yield "uniqueItems", {"type": "array", "uniqueItems": True, "minItems": 200}
    yield "contains", {"type": "array", "contains": {"type": "integer"}, "minContains": 500}
    yield "dependentRequired", {"type": "object", "dependentRequired": {"a": ["b"]}}
    yield "dependentSchemas", {"type": "object", "dependentSchemas": {"a": {"$ref": "#"}}}
    yield "propertyNames", {"type": "object", "propertyNames": {"pattern": "^(a+)+$"}}
    yield "patternProperties", {"type": "object", "patternProperties": {"^(a|aa)+$": {"type": "string"}}}
    yield (
        "two patternProperties",
        {"type": "object", "patternProperties": {"a": {"type": "string"}, "b": {"type": "integer"}}},
    )
    yield (
        "unevaluatedProperties",
        {"type": "object", "unevaluatedProperties": False, "anyOf": [{"required": ["a"]}]},
    )
    yield (
        "contentMediaType",
        {"type": "string", "contentMediaType": "application/json", "contentSchema": {"$ref": "http://x/"}},
    )
    yield (
        "key of quotes",
        {
            "type": "object",
            "properties": {'"' * 50 + "\\" * 50: {"type": "string"}},
            "required": ['"' * 50 + "\\" * 50],
        },
    )
    yield (
        "key of control characters",
        {"type": "object", "properties": {"\x00\x01\n": {"const": "\x00"}}, "required": ["\x00\x01\n"]},
    )
    yield "grammar in a key", {"type": "object", "properties": {'root ::= "x"': {"const": '"; root ::= "y'}}}
    yield "x-guidance", {"type": "string", "x-guidance": {"whitespace_pattern": "(a+)+"}}
    yield "lark option", {"x-guidance": {"lenient": True}, "not": {"type": "string"}}


def _other_grammars() -> Iterator[tuple[str, Schema]]:
    """Ways past `response_format`, which are fields that nobody may send."""
    ebnf = 'root ::= root "a" | root root | ""'
    yield "structured_outputs.regex", {"structured_outputs": {"regex": "((a+)+)+b"}}
    yield "structured_outputs.grammar", {"structured_outputs": {"grammar": ebnf}}
    yield "structured_outputs.choice", {"structured_outputs": {"choice": ["a" * 1000] * 100}}
    yield "structured_outputs.structural_tag", {"structured_outputs": {"structural_tag": "{}"}}
    yield "guided_json", {"guided_json": {"$ref": "#"}}
    yield "guided_regex", {"guided_regex": "(a|b|ab)*c{1,500}"}
    yield "guided_grammar", {"guided_grammar": "start: start start |"}
    yield "guided_choice", {"guided_choice": []}
    yield "response_format grammar", {"response_format": {"type": "grammar", "grammar": ebnf}}
    yield "response_format regex", {"response_format": {"type": "regex", "regex": "(a+)+"}}
    yield (
        "response_format structural_tag",
        {"response_format": {"type": "structural_tag", "structures": [], "triggers": []}},
    )
    yield "response_format schema text", {"response_format": _format_of("{}")}
    yield "response_format schema true", {"response_format": _format_of(True)}
    yield "response_format empty schema", {"response_format": _format_of({})}


def _format_of(schema: Any) -> Schema:
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}


def hostile_requests() -> list[tuple[str, Schema]]:
    """At least 200 of them; the fields that each adds to an ordinary chat request."""
    found: list[tuple[str, Schema]] = [
        (f"pattern {pattern[:40]!r}", {"type": "string", "pattern": pattern}) for pattern in _PATTERNS
    ]
    found += [
        (
            f"pattern in an object {pattern[:30]!r}",
            {
                "type": "object",
                "properties": {"a": {"pattern": pattern, "type": "string"}},
                "required": ["a"],
            },
        )
        for pattern in _PATTERNS[:16]
    ]
    found += [(f"ref {ref!r}", {"$ref": ref}) for ref in _REFS]
    found += [
        (
            f"ref in a property {ref!r}",
            {"type": "object", "properties": {"a": {"$ref": ref}}, "required": ["a"]},
        )
        for ref in _REFS[1:]
    ]
    found += list(_shapes())
    return [(name, {"response_format": _format_of(schema)}) for name, schema in found] + list(
        _other_grammars()
    )


def schema_text(fields: Schema) -> str | None:
    """The schema of such a request as text; None where it brings none."""
    schema = fields.get("response_format", {}).get("json_schema", {}).get("schema")
    return json.dumps(schema) if isinstance(schema, dict) else None
