"""`nbest keys`: make a key. It is shown once; what the configuration keeps is its hash."""

from typing import Annotated

import typer
from pydantic import ValidationError

from service.keys.keyring import new_key
from service.keys.settings import KeySettings

app = typer.Typer(help="API keys.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """API keys."""


@app.command()
def new(name: Annotated[str, typer.Argument(help="Whose key it is, as it will stand in `keys:`.")]) -> None:
    """Print a new key, once, and the entry for the configuration file."""
    key, digest = new_key()
    try:
        entry = KeySettings(name=name, sha256=digest)
    except ValidationError as error:
        typer.echo(f"nbest: name: {error.errors(include_url=False)[0]['msg']}", err=True)
        raise typer.Exit(1) from None
    typer.echo(key)
    typer.echo(
        "\nIt is shown this once: send it as `Authorization: Bearer KEY`. The configuration keeps its hash:\n"
    )
    typer.echo(f"keys:\n  - {{name: {entry.name}, sha256: {entry.sha256}}}")
