"""`nbest generate` and `nbest compare`. The client is imported when they run: a server without it still serves."""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from service.cli.options import ConfigFile, Set, fail, settings_from

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


def generate(
    prompt: Prompt,
    strategy: Annotated[
        str, typer.Option(help="NAME, 'NAME:{\"n\": 8}', or a JSON object with its `name`.")
    ] = "single",
    n: Annotated[int | None, typer.Option(help="Candidates to draw: the strategy's `n`.")] = None,
    url: Url = None,
    key_env: KeyEnv = "NBEST_API_KEY",
    timeout_s: Timeout = 600,
    model: Model = None,
    temperature: Temperature = 0.8,
    max_tokens: MaxTokens = None,
    seed: Seed = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    set_: Set = None,
) -> None:
    """Ask one question and show how the answer was chosen. Exit code 1 if there is no answer."""
    with client_errors():
        from service.cli.client import arguments as question
        from service.cli.client import live, render

        asked = question.prompt(prompt, sys.stdin)
        chosen = question.strategy(strategy, n=n, explain="full")
        fields = question.sampling(temperature, max_tokens, seed)
        with _client(url, key_env, timeout_s, config, set_) as client:
            answer = live.generate(client, asked, chosen, _progress(), model=model, **fields)
    if as_json:
        typer.echo(json.dumps(answer.model_dump(mode="json")))
    else:
        Console().print(render.reply(answer))


def compare(
    prompt: Prompt,
    strategy: Annotated[
        list[str], typer.Option(help="NAME or 'NAME:{\"n\": 8}'; once for each strategy to compare.")
    ],
    url: Url = None,
    key_env: KeyEnv = "NBEST_API_KEY",
    timeout_s: Timeout = 600,
    model: Model = None,
    temperature: Temperature = 0.8,
    max_tokens: MaxTokens = None,
    seed: Seed = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    set_: Set = None,
) -> None:
    """Ask one question of several strategies, one after the other, and show what each made of it and what it cost.

    Exit code 1 if one of them failed: its error stands in its row.
    """
    with client_errors():
        from service.cli.client import arguments as question
        from service.cli.client import comparison_table, live

        asked = question.prompt(prompt, sys.stdin)
        strategies = [question.strategy(written) for written in strategy]
        fields = question.sampling(temperature, max_tokens, seed)
        with _client(url, key_env, timeout_s, config, set_) as client:
            told = live.compare(client, asked, strategies, _progress(), model=model, **fields)
    if as_json:
        typer.echo(json.dumps(comparison_table.as_object(told)))
    else:
        Console().print(comparison_table.side_by_side(told.rows))
    raise typer.Exit(any(row.error for row in told.rows))


@contextlib.contextmanager
def client_errors() -> Iterator[None]:
    """What the client or a service of our own fails with: one line, and exit code 1; 2 for a mistaken command line."""
    try:
        from nbest_client import NbestError
    except ModuleNotFoundError as error:
        if error.name != "nbest_client":
            raise
        fail("the Python client is not installed: pip install ./clients/python, from nbest's repository")
    from service.cli.client.arguments import UsageError
    from service.cli.local_server import LocalFailed

    try:
        yield
    except (NbestError, LocalFailed) as error:
        fail(str(error))
    except UsageError as error:
        fail(str(error), code=2)


def _client(
    url: str | None, key_env: str, timeout_s: float, config: Path | None, assignments: list[str] | None
) -> "contextlib.AbstractContextManager[Client]":
    from service.cli.client import connection as service

    if url is not None:
        if config or assignments:
            fail("--config and --set are for a service of our own: leave them out, or --url", code=2)
        return service.remote(url, key_env, timeout_s)
    # Looked at before the service starts: what is wrong with them is told at once.
    settings_from(config, assignments, {})
    named = ["--config", str(config)] if config else []
    arguments = [*named, *(part for one in assignments or () for part in ("--set", one))]
    return service.own(arguments, timeout_s, _progress().status)


def _progress() -> Console:
    """Where progress is shown: standard output is for the answer."""
    return Console(stderr=True)
