"""A promise, the figure asked for, the figure measured."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    promise: str
    asked: str
    measured: str
    kept: bool


def at_most(promise: str, limit: float, figure: float, unit: str = "s") -> Row:
    """Kept where the figure is not above the limit; never by a figure that is not a number."""
    return Row(promise, f"<= {limit:g} {unit}", f"{figure:.3g} {unit}", figure <= limit)


def all_of(promise: str, good: int, total: int) -> Row:
    """Kept where every one of at least one was good."""
    return Row(promise, "all", f"{good} of {total}", good == total > 0)


def percentile(figures: Sequence[float], share: float) -> float:
    """The smallest figure that at least `share` (above 0) of them do not exceed; NaN of none."""
    if not figures:
        return math.nan
    # The product is a little off in binary: 0.99 of 100 must stay 99.
    return sorted(figures)[math.ceil(round(share * len(figures), 9)) - 1]


def table(rows: Iterable[Row]) -> Table:
    """What is printed at the end."""
    drawn = Table(title="chaos", show_lines=False)
    for heading in ("promise", "asked", "measured", ""):
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(row.promise, row.asked, row.measured, "" if row.kept else "[bold red]not kept[/]")
    return drawn
