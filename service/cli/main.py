"""The `nbest` command: every command is a file beside this one, and imports what it runs when it runs.

So `nbest --help` is quick, and what a command lacks hinders no other.
"""

import io
import os
import sys
from typing import Annotated

import typer

from service.cli.calibrate import calibrate
from service.cli.compare import compare
from service.cli.config import app as config
from service.cli.demo import demo
from service.cli.doctor import doctor
from service.cli.embedded import app as embedded
from service.cli.generate import generate
from service.cli.keys import app as keys
from service.cli.serve import serve
from service.cli.strategies import strategies
from service.engine.host.parent_death import die_with_parent
from service.version import VERSION

# Python imports this module first in each process that vLLM or we spawn: from here on it dies with its parent, and not
# only once vLLM has come to its plugins.
die_with_parent()

app = typer.Typer(
    help="Inference-time selection and decoding.", no_args_is_help=True, pretty_exceptions_enable=False
)
for command in (serve, demo, generate, compare, calibrate, strategies, doctor):
    app.command()(command)
app.add_typer(embedded, name="embedded", help="The embedded models: build, train, evaluate.")
app.add_typer(keys, name="keys")
app.add_typer(config, name="config")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nbest {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Inference-time selection and decoding."""


def main() -> None:
    """The entry point."""
    if os.environ.get("NBEST_DEBUG") is None:
        sys.tracebacklimit = 20
    for stream in (sys.stdout, sys.stderr):
        # A terminal without UTF-8 shows a mark in the place of a dash, and not a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()


if __name__ == "__main__":
    main()
