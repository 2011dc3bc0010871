"""How a result looks in a terminal and in a notebook: text and tables, in which a model's text can do nothing."""

import unicodedata
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest

_LONGEST_CELL = 60
_CELL = "text-align:left;padding:0.15em 0.8em 0.15em 0"
_TEXT = "white-space:pre-wrap;margin:0.3em 0"


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text with a title."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under a title; `marked` rows are the ones to look at."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    marked: frozenset[int] = frozenset()


Block = Text | Table


class Shown:
    """What `print` and a notebook show of a result; a subclass says which blocks."""

    __slots__ = ()

    @abstractmethod
    def _blocks(self) -> Sequence[Block]: ...

    def __str__(self) -> str:
        return "\n\n".join(map(_as_text, self._blocks()))

    def _repr_html_(self) -> str:
        return "".join(map(_as_html, self._blocks()))


def plain(text: str) -> str:
    """Without control characters: a model must not steer the terminal that shows its text."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def cell(value: object) -> str:
    """One value on one line, a number with three decimals, nothing as a dash; long text is cut."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    line = plain(" ⏎ ".join(str(value).strip().splitlines()).replace("\t", " "))
    return line if len(line) <= _LONGEST_CELL else f"{line[: _LONGEST_CELL - 1]}…"


def _as_text(block: Block) -> str:
    if isinstance(block, Text):
        return f"{plain(block.title)}: {plain(block.body)}"
    marks = ["", *("*" if i in block.marked else "" for i in range(len(block.rows)))]
    table = [block.columns, *([cell(value) for value in row] for row in block.rows)]
    lines = [[mark, *row] for mark, row in zip(marks, table, strict=True)] if block.marked else table
    widths = [max(map(_width, column)) for column in zip_longest(*lines, fillvalue="")]
    return "\n".join([plain(block.title), *(_line(row, widths) for row in lines)])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (text + " " * (width - _width(text)) for text, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip()


def _width(text: str) -> int:
    """Columns in a terminal: East Asian wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def _as_html(block: Block) -> str:
    title = f"<div><b>{escape(plain(block.title))}</b></div>"
    if isinstance(block, Text):
        return f'{title}<div style="{_TEXT}">{escape(plain(block.body))}</div>'
    head = "".join(f'<th style="{_CELL}">{escape(column)}</th>' for column in block.columns)
    rows = "".join(_html_row(row, i in block.marked) for i, row in enumerate(block.rows))
    return f"{title}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _html_row(row: Sequence[object], marked: bool) -> str:
    weight = ";font-weight:bold" if marked else ""
    cells = "".join(f'<td style="{_CELL}{weight}">{escape(cell(value))}</td>' for value in row)
    return f"<tr>{cells}</tr>"
