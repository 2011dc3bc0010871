"""Find an answer with the caller's own RE2 pattern, in time that grows with the text and with nothing else."""

from functools import lru_cache
from typing import Any, Final

import re2  # type: ignore[import-untyped]  # it ships no types

MAX_PATTERN: Final = 200
"""Characters of a pattern."""
MAX_PROGRAM: Final = 1500
"""Steps of the compiled pattern: a counted repetition such as `.{1000}` is short to write and long to run."""
MAX_SEARCHED: Final = 8192
"""Characters searched, from the end of the text."""


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Any:
    """The pattern, ready to search; ValueError says what is wrong with it."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"the pattern has {len(pattern)} characters; the most here is {MAX_PATTERN}")
    options = re2.Options()
    options.log_errors = False
    try:
        program = re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"not an RE2 pattern: {_told(error)}") from None
    if program.programsize > MAX_PROGRAM:
        raise ValueError(
            f"the pattern compiles to {program.programsize} steps; the most here is {MAX_PROGRAM}"
        )
    return program


def search(pattern: str, text: str) -> str | None:
    """The group `answer`, else the first group, else all of the match, in the last line that matches; None if none.

    Line by line, so that the last statement is found without searching the whole text again from every match.
    """
    program = compiled(pattern)
    for line in reversed(text[-MAX_SEARCHED:].splitlines()):
        if match := program.search(line):
            group: str | None = match.group(_group(program))
            return group
    return None


def _group(program: Any) -> str | int:
    if "answer" in program.groupindex:
        return "answer"
    return 1 if program.groups else 0


def _told(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
