"""`nbest strategies`: every strategy with its idea and its parameters."""

import inspect

from rich.console import Console
from rich.table import Table


def strategies() -> None:
    """List the strategies with their parameters."""
    Console().print(strategies_table())


def strategies_table() -> Table:
    """Name, idea and parameters of every strategy."""
    from strategies.catalog import STRATEGIES

    table = Table("strategy", "what it does", "parameters")
    for cls in STRATEGIES:
        summary = inspect.cleandoc(cls.__doc__ or "").splitlines()[0]
        table.add_row(cls.name, summary, ", ".join(cls.model_fields))
    return table
