"""`nbest embedded`: build, train and evaluate; heavy libraries are imported by the command that needs them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from service.embedded.paths import ADAPTER, EmbeddedError, cache_dir

app = typer.Typer(
    no_args_is_help=True, help="The embedded models: a small generator and a trained reward model."
)
_STAGES = 3


@app.command()
def build() -> None:
    """Fetch the base weights and build both models in the cache folder; a second run is instant."""
    from service.embedded.build import build as build_models

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with _errors(), Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("look in the cache", total=_STAGES)

        @contextmanager
        def stage(name: str) -> Iterator[None]:
            progress.update(task, description=name)
            yield
            progress.advance(task)

        models = build_models(stage)
    typer.echo(f"generator  {models.generator}\nreward     {models.reward}")


@app.command()
def train(
    minutes: Annotated[
        float, typer.Option(help="Training time in minutes, over all starts of the run.")
    ] = 45,
    seed: Annotated[int, typer.Option(help="Seed of the weights and of the training answers.")] = 1,
    fresh: Annotated[bool, typer.Option(help="Forget the saved run of this seed.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the adapter.")] = ADAPTER,
) -> None:
    """Train the reward adapter; run again to go on after an interrupt."""
    from service.embedded.training.train import train as train_adapter

    folder = cache_dir() / "training"
    folder.mkdir(mode=0o700, exist_ok=True)
    handlers = (logging.StreamHandler(), logging.FileHandler(folder / f"seed-{seed}.log"))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers)
    with _errors():
        train_adapter(minutes, seed=seed, out=out, fresh=fresh)


@app.command()
def evaluate(
    per_family: Annotated[int, typer.Option(help="Test problems of each family.")] = 80,
    document: Annotated[Path, typer.Option(help="Page whose table is replaced.")] = Path("docs/embedded.md"),
) -> None:
    """Measure the embedded models on held-out problems and write the table into the page."""
    from service.embedded.evaluation.evaluate import evaluate as evaluate_models

    with _errors():
        typer.echo(evaluate_models(per_family, document))


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except EmbeddedError as error:
        typer.secho(f"error: {error}", err=True, fg="red")
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app()
