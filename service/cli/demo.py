"""`nbest demo`: start the real service, ask one question sixteen times, show which answer won and why."""

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from service.cli.options import client_errors, plain_errors

if TYPE_CHECKING:
    from nbest_client import Generation

    from service.cli.client.local_server import Local
    from service.embedded.problems.problems import Problem


def demo(
    n: Annotated[int, typer.Option(help="Candidates to draw.", min=1, max=64)] = 16,
    seed: Annotated[int | None, typer.Option(help="Seed of the draw.")] = None,
) -> None:
    """Start the service with the embedded models, ask one question, show which answer won and why."""
    with client_errors(), plain_errors():
        _run(Console(), n, seed)


def _run(console: Console, n: int, seed: int | None) -> None:
    """Build what is missing, serve it on a free port, ask, show, and stop the service again."""
    from service.cli.client import render
    from service.cli.client.local_server import serving
    from service.embedded.build import build
    from service.embedded.paths import cache_dir

    console.rule("nbest: one question, many answers, the best one back")
    with console.status("embedded models"):
        build()
    problem = _pick_problem()
    with serving([], cache_dir() / "demo.log", console.status) as local:
        started = time.monotonic()
        answer = _ask(local, problem, n, seed)
        seconds = time.monotonic() - started
    console.print(f"[bold]question[/]  {problem.question}   [dim](right answer: {problem.answer})[/]")
    console.print(render.reply(answer))
    console.print(f"wall time of the request: {seconds:.2f} s")
    console.print("next: [bold]make serve[/], then the curl line in README.md")


def _pick_problem() -> "Problem":
    """A held-out division: the family where one sample is most often wrong and the reward model helps most."""
    from service.embedded.problems.problems import problems

    return next(problem for problem in problems("test", 12) if problem.family == "division")


def _ask(local: "Local", problem: "Problem", n: int, seed: int | None) -> "Generation":
    """One Best-of-N request, as any client would send it."""
    from nbest_client import BestOfN, Client

    from service.embedded.problems.problems import chat

    strategy = BestOfN(n=n, scorer="outcome", explain="full")
    with Client(local.url, api_key=local.key, timeout_s=300) as client:
        if seed is None:
            return client.generate(chat(problem), strategy=strategy, temperature=0.8, max_tokens=64)
        return client.generate(chat(problem), strategy=strategy, temperature=0.8, max_tokens=64, seed=seed)
