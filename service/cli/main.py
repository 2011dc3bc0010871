"""The `nbest` command. Each command imports what it needs when it runs, so that `--help` is quick."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console

from service.cli import generate as asking
from service.cli.embedded import app as embedded
from service.cli.keys import app as keys
from service.cli.options import ConfigFile, Set, fail, settings_from
from service.engine.host.parent_death import die_with_parent
from service.settings import Settings
from service.version import VERSION

# Python imports this module first in each process that vLLM or we spawn: from here on it dies with its parent, and not
# only once vLLM has come to its plugins.
die_with_parent()

app = typer.Typer(
    help="Inference-time selection and decoding.", no_args_is_help=True, pretty_exceptions_enable=False
)
config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)
app.add_typer(embedded, name="embedded", help="The embedded models: build, train, evaluate.")
app.add_typer(keys, name="keys")
app.add_typer(config_app, name="config")

_SERVER, _ENGINE, _SCORERS = "Server", "Engine", "Scorers"

app.command()(asking.generate)
app.command()(asking.compare)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind.", rich_help_panel=_SERVER)] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to bind (default 8000).", rich_help_panel=_SERVER)
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="Least level logged.", rich_help_panel=_SERVER)
    ] = None,
    engine: Annotated[str | None, typer.Option(help="`vllm` or `scripted`.", rich_help_panel=_ENGINE)] = None,
    model: Annotated[
        str | None, typer.Option(help="`embedded`, or a model folder.", rich_help_panel=_ENGINE)
    ] = None,
    served_name: Annotated[
        str | None, typer.Option(help="Name in /v1/models.", rich_help_panel=_ENGINE)
    ] = None,
    dtype: Annotated[str | None, typer.Option(help="Weights' type.", rich_help_panel=_ENGINE)] = None,
    max_model_len: Annotated[
        int | None, typer.Option(help="Longest sequence.", rich_help_panel=_ENGINE)
    ] = None,
    max_num_seqs: Annotated[
        int | None, typer.Option(help="Candidates at once.", rich_help_panel=_ENGINE)
    ] = None,
    tensor_parallel_size: Annotated[
        int | None, typer.Option(help="GPUs a copy.", rich_help_panel=_ENGINE)
    ] = None,
    sharing: Annotated[
        str | None,
        typer.Option(help="`auto`, `alternate` or `overlap` with the generator.", rich_help_panel=_SCORERS),
    ] = None,
    config: ConfigFile = None,
    set_: Set = None,
) -> None:
    """Serve over HTTP until SIGTERM."""
    flags: dict[str, Any] = {"server": _given(host=host, port=port, log_level=log_level)}
    flags["engine"] = _given(
        backend=engine,
        model=model,
        served_model_name=served_name,
        dtype=dtype,
        max_model_len=max_model_len,
        max_num_seqs=max_num_seqs,
        tensor_parallel_size=tensor_parallel_size,
    )
    settings = settings_from(config, set_, flags | _given(sharing=sharing))
    from service.server import serve as run

    with _plain_errors():
        run(settings)


@app.command()
def demo(
    n: Annotated[int, typer.Option(help="Candidates to draw.", min=1, max=64)] = 16,
    seed: Annotated[int | None, typer.Option(help="Seed of the draw.")] = None,
) -> None:
    """Start the service with the embedded models, ask one question, show which answer won and why."""
    with asking.client_errors(), _plain_errors():
        from service.cli.demo import run

        run(Console(), n, seed)


@app.command()
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
    from service.cli import calibrate as calibration
    from service.embedded.problems.problems import chat, problems

    settings = settings_from(config, set_, {})
    default = calibration.SCHEDULES if prompts else calibration.EMBEDDED_SCHEDULES
    with _plain_errors():
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


@app.command()
def strategies() -> None:
    """List the strategies with their parameters."""
    from service.cli.strategies import strategies_table

    Console().print(strategies_table())


@app.command()
def doctor() -> None:
    """Check this machine and installation; exit 1 if something must be mended."""
    from service.cli.doctor import render, run_checks

    checks = run_checks()
    Console().print(render(checks))
    raise typer.Exit(any(check.status == "fail" for check in checks))


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


@config_app.command("show")
def config_show(config: ConfigFile = None, set_: Set = None) -> None:
    """Print the merged configuration as YAML."""
    typer.echo(
        yaml.safe_dump(settings_from(config, set_, {}).model_dump(mode="json"), sort_keys=False), nl=False
    )


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON schema of the configuration file, for editors."""
    typer.echo(json.dumps(Settings.model_json_schema(), indent=2))


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


class _plain_errors:
    """Failures that a user can act on are one line on stderr and exit code 1, not a stack trace."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        import httpx

        from service.embedded.paths import EmbeddedError
        from strategies.base.errors import NbestError

        if isinstance(error, NbestError | EmbeddedError | httpx.HTTPError):
            fail(str(error))


def main() -> None:
    """The entry point."""
    if os.environ.get("NBEST_DEBUG") is None:
        sys.tracebacklimit = 20
    app()


if __name__ == "__main__":
    main()
