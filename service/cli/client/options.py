"""What `generate` and `compare` share: their options, and the client of a running service or of one of their own."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from service.cli.options import fail, settings_from

if TYPE_CHECKING:
    from nbest_client import Client

_WHOM, _SAMPLING = "Whom to ask", "Sampling"

Prompt = Annotated[str, typer.Argument(help="The question; `-` reads it from standard input.")]
Url = Annotated[
    str | None,
    typer.Option(
        help="A running service; without it, one is started from the settings for this question.",
        rich_help_panel=_WHOM,
    ),
]
KeyEnv = Annotated[
    str,
    typer.Option(help="Environment variable with the API key for `--url`.", rich_help_panel=_WHOM),
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", help="Seconds that a strategy may take.", min=0.001, rich_help_panel=_WHOM),
]
Model = Annotated[
    str | None, typer.Option(help="A served model (default: the first).", rich_help_panel=_SAMPLING)
]
Temperature = Annotated[float, typer.Option(help="Sampling temperature.", rich_help_panel=_SAMPLING)]
MaxTokens = Annotated[int | None, typer.Option(help="Longest answer.", rich_help_panel=_SAMPLING)]
Seed = Annotated[int | None, typer.Option(help="Seed of the draws.", rich_help_panel=_SAMPLING)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the client's result as JSON.")]


def connected(
    url: str | None, key_env: str, timeout_s: float, config: Path | None, assignments: list[str] | None
) -> "AbstractContextManager[Client]":
    from service.cli.client import connection as service

    if url is not None:
        if config or assignments:
            fail("--config and --set are for a service of our own: leave them out, or --url", code=2)
        return service.remote(url, key_env, timeout_s)
    # Looked at before the service starts: what is wrong with them is told at once.
    settings_from(config, assignments, {})
    named = ["--config", str(config)] if config else []
    arguments = [*named, *(part for one in assignments or () for part in ("--set", one))]
    return service.own(arguments, timeout_s, progress().status)


def progress() -> Console:
    """Where progress is shown: standard output is for the answer."""
    return Console(stderr=True)
