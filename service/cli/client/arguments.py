"""What is asked, as it is written on a command line."""

import json
from typing import Any, TextIO

from nbest_client import Custom


class UsageError(ValueError):
    """What stands on the command line cannot be meant; nothing was asked."""


def prompt(written: str, stdin: TextIO) -> str:
    """The prompt; `-` is whatever comes on standard input, without the line break at its end."""
    text = stdin.read().removesuffix("\n") if written == "-" else written
    if not text.strip():
        raise UsageError("the prompt is empty")
    return text


def strategy(written: str, *, n: int | None = None, explain: str | None = None) -> Custom:
    """`NAME`, `NAME:{"parameter": …}` or `{"name": NAME, …}`; the server knows the parameters and checks them.

    `n` goes before what is written, `explain` holds where nothing is.
    """
    name, colon, parameters = ("", ":", written) if written.startswith("{") else written.partition(":")
    told = _object(parameters) if colon else {}
    if name and "name" in told:
        raise UsageError(f"the strategy is named twice: {written}")
    name = name or told.pop("name", None)
    if not isinstance(name, str) or not name:
        raise UsageError(f"the strategy has no name: {written}")
    return Custom(name, **_given(explain=explain) | told | _given(n=n))


def _object(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError as error:
        raise UsageError(f"the strategy's parameters are not JSON: {error}") from None
    if not isinstance(told, dict):
        raise UsageError(f"the strategy's parameters are not a JSON object: {text}")
    return told


def sampling(temperature: float, max_tokens: int | None, seed: int | None) -> dict[str, Any]:
    """Sampling fields of the request; those not given are not sent."""
    return _given(temperature=temperature, max_tokens=max_tokens, seed=seed)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
