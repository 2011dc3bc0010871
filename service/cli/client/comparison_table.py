"""Strategies side by side: as tables for people, as JSON for programs."""

from collections.abc import Sequence
from typing import Any

from nbest_client import Compared, Comparison, NbestError
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from service.cli.terminal import plain

_NUMBERS = ("score", "candidates", "tokens", "FLOPs", "seconds")
_LONGEST_ANSWER = 400


def side_by_side(rows: Sequence[Compared]) -> RenderableType:
    """The figures of each strategy, and below them what it answers, in the whole width of the terminal."""
    return Group(_figures(rows), _answers(rows))


def _figures(rows: Sequence[Compared]) -> Table:
    table = Table("strategy")
    told = [dict(zip(Compared.COLUMNS, row.cells(), strict=True)) for row in rows]
    for name in _NUMBERS:
        table.add_column(name, justify="right", no_wrap=True)
    is_degraded = any(cells["degraded"] for cells in told)
    if is_degraded:
        table.add_column("degraded")
    shown = ("strategy", *_NUMBERS, *(["degraded"] if is_degraded else []))
    for row, cells in zip(rows, told, strict=True):
        table.add_row(*(_cell(cells[name]) for name in shown), style="red" if row.error else None)
    return table


def _answers(rows: Sequence[Compared]) -> Table:
    """Each with the seconds of its phases in a line of its own."""
    table = Table("strategy", "answer", show_lines=True)
    for row in rows:
        cells = dict(zip(Compared.COLUMNS, row.cells(), strict=True))
        answer = _cell(cells["answer"])
        if cells["phases"]:
            answer = Text.assemble(answer, "\n", (str(cells["phases"]), "dim"))
        table.add_row(_cell(cells["strategy"]), answer, style="red" if row.error else None)
    return table


def _cell(value: object) -> Text:
    """Model text as text, never as markup, and without control characters."""
    if value is None:
        return Text("–")
    if isinstance(value, float):
        return Text(f"{value:.3f}")
    line = plain(" ⏎ ".join(str(value).strip().splitlines()))
    return Text(line if len(line) <= _LONGEST_ANSWER else f"{line[: _LONGEST_ANSWER - 1]}…")


def as_object(told: Comparison) -> dict[str, Any]:
    """A comparison as JSON has it: each row's figures, and its whole result or its error, the other one null."""
    return {"rows": [_row(row) for row in told.rows]}


def _row(row: Compared) -> dict[str, Any]:
    return {
        "strategy": row.strategy,
        "seconds": row.seconds,
        "answer": row.answer,
        "score": row.score,
        "candidates": row.candidates,
        "tokens": row.tokens,
        "flops": row.flops,
        "time_ms": dict(row.time_ms),
        "degraded": row.degraded,
        "result": row.result and row.result.model_dump(mode="json"),
        "error": row.error and _error(row.error),
    }


def _error(error: NbestError) -> dict[str, Any]:
    names = ("message", "status", "code", "type", "param", "request_id")
    return {"class": type(error).__name__, **{name: getattr(error, name) for name in names}}
