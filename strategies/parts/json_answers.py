"""JSON answers and tool calls in one spelling: keys sorted, numbers plain, and no identifiers that calls make up."""

import json
import math
import re
from typing import Any

from strategies.text.canonical import canonical

_FENCED = re.compile(r"```[a-zA-Z]*\n(?P<body>[^`]*)```")
_BRACE = re.compile(r"[{}]")
_TRIED = 4
"""Objects in a text that are tried, from the last one on."""
_CALL, _END_OF_CALL = "<tool_call>", "</tool_call>"


def canonical_json(value: Any) -> str:
    """A JSON value as text that is the same for equal values: order of keys, spaces and 1.0 for 1 do not matter.

    In a tool call (an object with `function`, or with `name` and `arguments`) the identifier does not count, and
    arguments that come as a string of JSON are read: two calls are equal if they would do the same.
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def whole_object(text: str) -> str | None:
    """The canonical JSON of a response that is an object, an array or a series of tool calls; else None."""
    bare = text.strip()
    if fenced := _FENCED.fullmatch(bare):
        bare = fenced["body"].strip()
    if bare.startswith(_CALL):
        return _tool_calls(bare)
    if not bare.startswith(("{", "[")):
        return None
    return _canonical(_loads(bare))


def find_object(text: str, field: str | None = None) -> str | None:
    """The JSON in a response, or what stands at `field` in it (`result.answer`: a path); None if there is none.

    Looked for as tool calls, as the whole text, in the last code fence, from the first brace to the last, and between
    matching braces from the last on.
    """
    if field is None and (calls := whole_object(text) or _tool_calls(text)):
        return calls
    for piece in _pieces(text):
        value = _loads(piece)
        if isinstance(value, (dict, list)):
            return _canonical(value) if field is None else _at(value, field)
    return None


def _pieces(text: str) -> list[str]:
    """Where the JSON may be. A few places, not every brace: each is parsed, and the text may be hostile."""
    fences = [fence["body"] for fence in _FENCED.finditer(text)][-1:]
    first, last = text.find("{"), text.rfind("}")
    widest = [text[first : last + 1]] if 0 <= first < last else []
    return [text, *fences, *widest, *reversed(_braced(text)[-_TRIED:])]


def _braced(text: str) -> list[str]:
    """The parts of a text between matching braces that lie in no other such part, in one pass."""
    opened: list[int] = []
    spans: list[tuple[int, int]] = []
    for brace in _BRACE.finditer(text):
        if brace.group() == "{":
            opened.append(brace.start())
        elif opened:
            start = opened.pop()
            while spans and spans[-1][0] > start:
                spans.pop()
            spans.append((start, brace.end()))
    return [text[start:end] for start, end in spans]


def _tool_calls(text: str) -> str | None:
    """The calls in the tags of the Hermes format, in which open models write them."""
    calls: list[Any] = []
    for piece in text.split(_CALL)[1:]:
        call = _loads(piece.partition(_END_OF_CALL)[0])
        if not isinstance(call, dict):
            return None
        calls.append(call)
    return _canonical(calls) if calls else None


def _at(value: Any, path: str) -> str | None:
    """The answer at a path: a number or a text is canonical as any other answer, so 5 and "5" are one."""
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    if isinstance(value, (dict, list)):
        return _canonical(value)
    return None if value is None else canonical(value if isinstance(value, str) else json.dumps(value))


def _canonical(value: Any) -> str | None:
    try:
        return None if value is None else canonical_json(value)
    except (ValueError, RecursionError):
        return None


def _loads(text: str) -> Any:
    """The value that the text is, or None; bottomless nesting, NaN and numbers without end are no JSON."""
    try:
        return json.loads(text.strip(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in _call(value).items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return _number(value)
    return value


def _call(value: dict[str, Any]) -> dict[str, Any]:
    """A tool call without its identifier and with its arguments read; anything else as it is."""
    if "arguments" in value and "name" in value:
        arguments = value["arguments"]
        read = _loads(arguments) if isinstance(arguments, str) else None
        value = value | ({"arguments": read} if isinstance(read, dict) else {})
        return _without_id(value)
    return _without_id(value) if isinstance(value.get("function"), dict) else value


def _without_id(value: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in ("id", "index")}


def _number(value: float) -> float | int:
    if not math.isfinite(value):
        raise ValueError("a number without end is no answer")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
