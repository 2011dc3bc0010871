"""What the commands have in common: where settings come from, and how a failure is told."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import yaml
from pydantic import ValidationError

from service.cli.terminal import plain
from service.settings import Settings
from strategies.base.errors import StartError

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
    except StartError as error:
        fail(f"configuration: {error}")


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


def given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


class plain_errors:
    """Failures that a user can act on are one line on stderr and exit code 1, not a stack trace."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        import httpx

        from strategies.base.errors import NbestError, StartError

        if isinstance(error, NbestError | StartError | httpx.HTTPError):
            fail(str(error))


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
    from service.cli.client.local_server import LocalFailed

    try:
        yield
    except (NbestError, LocalFailed) as error:
        fail(str(error))
    except UsageError as error:
        fail(str(error), code=2)
