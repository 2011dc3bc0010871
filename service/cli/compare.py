"""`nbest compare`: one question, several strategies, and what each cost."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from service.cli.client.options import (
    AsJson,
    KeyEnv,
    MaxTokens,
    Model,
    Prompt,
    Seed,
    Temperature,
    Timeout,
    Url,
    connected,
    progress,
)
from service.cli.options import ConfigFile, Set, client_errors


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
        with connected(url, key_env, timeout_s, config, set_) as client:
            told = live.compare(client, asked, strategies, progress(), model=model, **fields)
    if as_json:
        typer.echo(json.dumps(comparison_table.as_object(told)))
    else:
        Console().print(comparison_table.side_by_side(told.rows))
    raise typer.Exit(any(row.error for row in told.rows))
