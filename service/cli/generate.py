"""`nbest generate`: one question, and how its answer was chosen."""

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
        with connected(url, key_env, timeout_s, config, set_) as client:
            answer = live.generate(client, asked, chosen, progress(), model=model, **fields)
    if as_json:
        typer.echo(json.dumps(answer.model_dump(mode="json")))
    else:
        Console().print(render.reply(answer))
