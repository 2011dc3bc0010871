"""What is wrong with a body that is no JSON: which value, in which field and at which place, in one sentence.

orjson tells the place and little more. Where Python's lenient parser reads the body all the same, the fault is a value
that JSON has not (NaN, a number beyond a double's range, a lone surrogate), and the field that holds it has a name.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

_COMPRESSED: Final = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x78\x9c": "deflate",
    b"\x78\xda": "deflate",
}
_MARKS: Final = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_LONGEST_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class JsonFault:
    """A sentence for the caller, and the field at fault where one is."""

    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class _NoValue:
    """Stands in the leniently parsed body for what JSON has not."""

    what: str


def json_fault(data: bytes, error: orjson.JSONDecodeError) -> JsonFault:
    """Why orjson did not take `data`."""
    if told := _encoding_fault(data):
        return JsonFault(told)
    place = f"line {error.lineno}, column {error.colno}"
    path, value = _odd_value(data.decode())
    if value is not None:
        return JsonFault(f"{'.'.join(path) or 'the body'}: {value.what} ({place})", ".".join(path) or None)
    return JsonFault(f"the body is not JSON: {error.msg} ({place})")


def _encoding_fault(data: bytes) -> str | None:
    for start, name in _COMPRESSED.items():
        if data.startswith(start):
            return f"the body is compressed ({name}): send it as it is"
    for start, name in _MARKS.items():
        if data.startswith(start):
            return f"the body begins with the byte order mark of {name}: send UTF-8 without one"
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"the body is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
    return None


def _odd_value(text: str) -> tuple[tuple[str, ...], _NoValue | None]:
    try:
        told = json.loads(text, parse_constant=_constant, parse_float=_number, parse_int=_number)
    except (ValueError, RecursionError):
        return (), None
    return next(_odd_values(told), ((), None))


def _odd_values(told: Any) -> Iterator[tuple[tuple[str, ...], _NoValue]]:
    """In the order of the text; an explicit stack, since a body may be nested deep."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), told)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, _NoValue):
            yield path, value
        elif isinstance(value, str) and (lone := _lone_surrogate(value)):
            yield path, lone
        elif isinstance(value, list):
            waiting += [((*path, str(i)), inner) for i, inner in reversed(list(enumerate(value)))]
        elif isinstance(value, dict):
            for key in value:
                if lone := _lone_surrogate(key):
                    yield path, _NoValue(f"a name with {lone.what}")
            waiting += [((*path, key), inner) for key, inner in reversed(value.items())]


def _constant(word: str) -> _NoValue:
    return _NoValue(f"{word} is no number in JSON")


def _number(digits: str) -> "float | _NoValue":
    value = float(digits)
    if math.isfinite(value):
        return value
    shown = digits if len(digits) <= _LONGEST_SHOWN else f"a number of {len(digits)} characters"
    return _NoValue(f"{shown} is beyond the range of a double")


def _lone_surrogate(text: str) -> _NoValue | None:
    found = next((c for c in text if "\ud800" <= c <= "\udfff"), None)
    return (
        None
        if found is None
        else _NoValue(f"a lone surrogate, \\u{ord(found):04x}, which is half a character")
    )
