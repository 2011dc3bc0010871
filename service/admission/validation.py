"""The operator's bounds on what a request holds; those that the protocol itself has stand with its fields."""

from collections.abc import Collection

import orjson

from service.admission.schema import check_references
from service.admission.settings import Limits
from strategies.base.errors import InvalidRequest
from strategies.base.types import Decoding, Prompt


def check_prompt(prompt: Prompt, limits: Limits) -> None:
    """InvalidRequest, naming the field, for a chat or a decoding that holds more than the limits allow."""
    check_count(prompt.messages, limits.max_messages, "messages")
    _check_stops(prompt.decoding, limits)
    _check_schema(prompt.decoding, limits)
    _check_tools(prompt, limits)
    wanted = prompt.decoding.logprobs or 0
    if wanted > limits.max_logprobs:
        field = "top_logprobs" if prompt.text is None else "logprobs"
        raise InvalidRequest(f"{field} is {wanted}; the most here is {limits.max_logprobs}", param=field)


def check_count(items: Collection[object], most: int, what: str) -> None:
    """InvalidRequest for more items than `most` under the field `what`."""
    if len(items) > most:
        raise InvalidRequest(f"{len(items)} {what} were sent; the most here is {most}", param=what)


def is_deeper(value: object, most: int) -> bool:
    """Whether JSON has more than `most` levels of objects and arrays. Level by level, so depth costs no stack."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(most):
        level = [inner for outer in level for inner in _members(outer) if isinstance(inner, dict | list)]
    return bool(level)


def _members(outer: dict[str, object] | list[object]) -> Collection[object]:
    return outer.values() if isinstance(outer, dict) else outer


def _check_stops(decoding: Decoding, limits: Limits) -> None:
    stops = decoding.stop
    if len(stops) > limits.max_stops or any(not 0 < len(stop) <= limits.max_stop_chars for stop in stops):
        message = f"at most {limits.max_stops} stop strings, each of 1 to {limits.max_stop_chars} characters"
        raise InvalidRequest(message, param="stop")


def _check_tools(prompt: Prompt, limits: Limits) -> None:
    """Each tool's schema has the bounds of any other: a grammar may be compiled from it."""
    functions = {} if prompt.tools is None else prompt.tools.functions
    for i, schema in enumerate(functions.values()):
        if len(orjson.dumps(schema)) > limits.max_schema_bytes or is_deeper(schema, limits.max_schema_depth):
            bounds = f"{limits.max_schema_bytes} bytes and {limits.max_schema_depth} levels"
            raise InvalidRequest(
                f"tools: a schema has at most {bounds}", param=f"tools.{i}.function.parameters"
            )


def _check_schema(decoding: Decoding, limits: Limits) -> None:
    """What a grammar is compiled from has cost engines their lives (CVE-2026-105757): it stays small and flat."""
    schema = decoding.json_schema
    if schema is None:
        return
    if len(schema.encode()) > limits.max_schema_bytes or is_deeper(
        told := orjson.loads(schema), limits.max_schema_depth
    ):
        bounds = f"{limits.max_schema_bytes} bytes and {limits.max_schema_depth} levels"
        raise InvalidRequest(f"response_format: a schema has at most {bounds}", param="response_format")
    check_references(told)
