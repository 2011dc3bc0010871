"""The strategies as a table, for the command line."""

import inspect

from rich.table import Table

from strategies.catalog import STRATEGIES


def strategies_table() -> Table:
    """Name, idea and parameters of every strategy."""
    table = Table("strategy", "what it does", "parameters")
    for cls in STRATEGIES:
        summary = inspect.cleandoc(cls.__doc__ or "").splitlines()[0]
        table.add_row(cls.name, summary, ", ".join(cls.model_fields))
    return table
