"""How log lines look: JSON for machines, or columns for people; ours and uvicorn's alike, on standard error.

No line holds a text of a caller's: errors are told by their types and places, since their messages may quote a prompt,
and what looks like a key is struck out.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

from service.observability.settings import LogFormat

_KEY = re.compile(r"(?i)\b(bearer\s+|nbest-|sk-)[\w.~+/=-]{16,}")
_DEEPEST_CHAIN = 5
_MOST_FRAMES = 20

Line = MutableMapping[str, Any]


def configure_logging(format: LogFormat, level: str, stream: TextIO | None = None) -> logging.Handler:
    """Send every logger's lines to `stream` (standard error by default); others' from `warning` on.

    `auto` is columns on a terminal, JSON elsewhere. Returns the handler, which replaces one of an earlier call.
    """
    out = stream or sys.stderr
    for_people = format == "console" or (format == "auto" and out.isatty())
    handler = _Handler(out)
    handler.setFormatter(_formatter(for_people, colors=out.isatty()))
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    for name in ("service", "uvicorn"):
        logging.getLogger(name).setLevel(level.upper())
    return handler


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, to be known again."""


def _formatter(for_people: bool, *, colors: bool) -> logging.Formatter:
    shown: Any = (
        structlog.dev.ConsoleRenderer(colors=colors) if for_people else structlog.processors.JSONRenderer()
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.ExtraAdder({"fields"}),
            _with_fields,
            _without_messages,
            _without_keys,
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, shown],
    )


def _with_fields(logger: Any, method: str, line: Line) -> Line:
    """What was logged under `fields` stands in the line itself."""
    line.update(line.pop("fields", {}))
    return line


def _without_messages(logger: Any, method: str, line: Line) -> Line:
    """An error's types and places; asyncio's own lines quote the error of a task after their first line."""
    found = line.pop("exc_info", None)
    if found:
        error = (
            found[1]
            if isinstance(found, tuple)
            else found
            if isinstance(found, BaseException)
            else sys.exc_info()[1]
        )
        line["exception"] = described(error)
    if line.get("logger") == "asyncio":
        line["event"] = str(line["event"]).split("\n", 1)[0]
    return line


def _without_keys(logger: Any, method: str, line: Line) -> Line:
    line["event"] = _KEY.sub("[a key]", str(line["event"]))
    return line


def described(error: BaseException | None) -> str:
    """The types of an error and of its causes, each with the places it came through, innermost last."""
    told: list[str] = []
    for _ in range(_DEEPEST_CHAIN):
        if error is None:
            break
        told.append(type(error).__name__)
        told += [f"  {place}" for place in _places(error)]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(told)


def _places(error: BaseException) -> list[str]:
    places, frame = [], error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        where = Path(code.co_filename)
        places.append(f"{where.parent.name}/{where.name}:{frame.tb_lineno} {code.co_name}")
        frame = frame.tb_next
    return places[-_MOST_FRAMES:]
