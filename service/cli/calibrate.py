"""`nbest calibrate`: what early rejection would lose and save, by checkpoints and share kept, and what to choose."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from service.cli.options import ConfigFile, Set, plain_errors, settings_from


def calibrate(
    prompts: Annotated[
        Path | None, typer.Option(help="JSON lines with `prompt` or `messages`.", exists=True)
    ] = None,
    limit: Annotated[int, typer.Option(help="Prompts used.", min=1)] = 20,
    n: Annotated[int, typer.Option(help="Answers to each.", min=2)] = 16,
    checkpoints: Annotated[
        list[str] | None, typer.Option(help="Tokens at which to judge, as `6` or `6,10`; repeat for more.")
    ] = None,
    keep_ratio: Annotated[list[float] | None, typer.Option(help="Shares to keep.", min=0, max=1)] = None,
    scorer: Annotated[str | None, typer.Option(help="A step scorer (default: the first).")] = None,
    max_tokens: Annotated[int, typer.Option(help="Longest answer.")] = 256,
    tolerance: Annotated[
        float, typer.Option(help="Share of answers that may change in what is chosen.", min=0, max=1)
    ] = 0.1,
    seed: Annotated[int | None, typer.Option(help="Seed of the draws.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the points as JSON.")] = False,
    config: ConfigFile = None,
    set_: Set = None,
) -> None:
    """Show what early rejection would lose and save, by checkpoints and share kept, and which setting to choose."""
    from service.cli import calibration
    from service.embedded.problems.problems import chat, problems

    settings = settings_from(config, set_, {})
    default = calibration.SCHEDULES if prompts else calibration.EMBEDDED_SCHEDULES
    with plain_errors():
        schedules = tuple(map(calibration.schedule, checkpoints)) if checkpoints else default
        plan = calibration.Plan(n, schedules, tuple(keep_ratio or calibration.SHARES), scorer)
        # What is measured on the test split must not have been chosen on it.
        embedded_chats = map(calibration.as_chat, map(chat, problems("validation", limit)))
        chats = calibration.read_prompts(prompts)[:limit] if prompts else list(embedded_chats)
        points = calibration.run(settings, chats, plan, max_tokens=max_tokens, seed=seed)
    if as_json:
        typer.echo(calibration.as_json(points))
    else:
        Console().print(calibration.table(points))
        typer.echo(calibration.chosen(points, plan, tolerance))
