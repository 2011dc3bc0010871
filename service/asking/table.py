"""Strategies side by side: as a table for people, as JSON for programs."""

from collections.abc import Sequence
from typing import Any

from nbest_client import Compared, Comparison, NbestError
from rich.table import Table
from rich.text import Text

from service.plain import plain

_NUMBERS = frozenset({"score", "candidates", "tokens", "FLOPs", "seconds"})
_LONGEST_ANSWER = 400


def side_by_side(rows: Sequence[Compared]) -> Table:
    """A row a strategy; what does not fit in the terminal goes on in the next line of its cell."""
    table = Table(show_lines=True)
    told = [row.cells() for row in rows]
    shown = [
        i for i, name in enumerate(Compared.COLUMNS) if name != "degraded" or any(row[i] for row in told)
    ]
    for name in (Compared.COLUMNS[i] for i in shown):
        table.add_column(
            name, justify="right" if name in _NUMBERS else "left", no_wrap=name in _NUMBERS, overflow="fold"
        )
    for row, cells in zip(rows, told, strict=True):
        table.add_row(*(_cell(cells[i]) for i in shown), style="red" if row.error else None)
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
