"""What the commands have in common: where settings come from, and how a failure is told."""

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import yaml
from pydantic import ValidationError

from service.cli.terminal import plain
from service.settings import Settings

SOURCES = "Configuration"

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="YAML file.", rich_help_panel=SOURCES, exists=True)
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any setting, as `engine.max_num_seqs=128`.",
        rich_help_panel=SOURCES,
    ),
]


def settings_from(config: Path | None, assignments: list[str] | None, flags: dict[str, Any]) -> Settings:
    """The merged settings; a wrong one ends the command."""
    for assignment in assignments or ():
        _assign(flags, assignment)
    try:
        return Settings.load(config, **flags)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        fail(f"configuration: {'.'.join(map(str, first['loc']))}: {first['msg']}")


def _assign(flags: dict[str, Any], assignment: str) -> None:
    """`a.b=value` into the nested flags; the value is read as YAML."""
    path, found, value = assignment.partition("=")
    if not found:
        fail(f"--set takes KEY=VALUE, not {assignment!r}")
    *sections, leaf = path.split(".")
    for section in sections:
        flags = flags.setdefault(section, {})
    flags[leaf] = yaml.safe_load(value)


def fail(message: str, code: int = 1) -> NoReturn:
    """End the command with one line on stderr: 1 for what went wrong, 2 for what cannot be meant."""
    typer.echo(f"nbest: {plain(' '.join(message.split()))}", err=True)
    raise SystemExit(code)
