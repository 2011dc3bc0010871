"""`nbest config`: the configuration as it is merged, and its JSON schema."""

import json

import typer
import yaml

from service.cli.options import ConfigFile, Set, settings_from
from service.settings import Settings

app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)


@app.command("show")
def show(config: ConfigFile = None, set_: Set = None) -> None:
    """Print the merged configuration as YAML."""
    typer.echo(
        yaml.safe_dump(settings_from(config, set_, {}).model_dump(mode="json"), sort_keys=False), nl=False
    )


@app.command("schema")
def schema() -> None:
    """Print the JSON schema of the configuration file, for editors."""
    typer.echo(json.dumps(Settings.model_json_schema(), indent=2))
