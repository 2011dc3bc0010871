"""The demonstration: start the real service, ask one question sixteen times, show which answer won and why."""

import time

from nbest_client import BestOfN, Client, Generation
from rich.console import Console

from service.cli.client import render
from service.cli.local_server import Local, serving
from service.embedded.build import build
from service.embedded.paths import cache_dir
from service.embedded.problems.problems import Problem, chat, problems


def run(console: Console, n: int = 16, seed: int | None = None) -> None:
    """Build what is missing, serve it on a free port, ask, show, and stop the service again."""
    console.rule("nbest: one question, many answers, the best one back")
    with console.status("embedded models"):
        build()
    problem = pick_problem()
    with serving([], cache_dir() / "demo.log", console.status) as local:
        started = time.monotonic()
        answer = ask(local, problem, n, seed)
        seconds = time.monotonic() - started
    console.print(f"[bold]question[/]  {problem.question}   [dim](right answer: {problem.answer})[/]")
    console.print(render.reply(answer))
    console.print(f"wall time of the request: {seconds:.2f} s")
    console.print("next: [bold]make serve[/], then the curl line in README.md")


def pick_problem() -> Problem:
    """A held-out division: the family where one sample is most often wrong and the reward model helps most."""
    return next(problem for problem in problems("test", 12) if problem.family == "division")


def ask(local: Local, problem: Problem, n: int, seed: int | None) -> Generation:
    """One Best-of-N request, as any client would send it."""
    strategy = BestOfN(n=n, scorer="outcome", explain="full")
    with Client(local.url, api_key=local.key, timeout_s=300) as client:
        if seed is None:
            return client.generate(chat(problem), strategy=strategy, temperature=0.8, max_tokens=64)
        return client.generate(chat(problem), strategy=strategy, temperature=0.8, max_tokens=64, seed=seed)
