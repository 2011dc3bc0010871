"""The demonstration: start the real service, ask one question sixteen times, show which answer won and why."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from service import render
from service.embedded.build import build
from service.embedded.models import GENERATOR_NAME, cache_dir
from service.embedded.problems import Problem, chat, problems

STARTUP_S = 600.0
"""Patience with the start of two engines; they take about half a minute on two cores."""


class DemoFailed(RuntimeError):
    """The service did not come up; the message says where its log is."""


def run(console: Console, n: int = 16, seed: int | None = None) -> None:
    """Build what is missing, serve it on a free port, ask, show, and stop the service again."""
    console.rule("nbest: one question, many answers, the best one back")
    with console.status("embedded models"):
        build()
    problem = pick_problem()
    with _service(console) as url:
        started = time.monotonic()
        reply = ask(url, problem, n, seed)
        seconds = time.monotonic() - started
    console.print(f"[bold]question[/]  {problem.question}   [dim](right answer: {problem.answer})[/]")
    console.print(render.reply(reply))
    console.print(f"wall time of the request: {seconds:.2f} s")
    console.print("next: [bold]make serve[/], then the curl line in README.md")


def pick_problem() -> Problem:
    """A held-out division: the family where one sample is most often wrong and the reward model helps most."""
    return next(problem for problem in problems("test", 12) if problem.family == "division")


def ask(url: str, problem: Problem, n: int, seed: int | None) -> dict[str, Any]:
    """One Best-of-N request, as any client would send it."""
    body = {
        "model": GENERATOR_NAME,
        "messages": chat(problem),
        "temperature": 0.8,
        "max_tokens": 64,
        "strategy": {"name": "best_of_n", "n": n, "scorer": "outcome", "explain": "full"},
    }
    if seed is not None:
        body["seed"] = seed
    response = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=300)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


@contextlib.contextmanager
def _service(console: Console) -> Iterator[str]:
    """`nbest serve` in a process of its own, on a free port of this machine, stopped at the end."""
    port = _free_port()
    log = cache_dir() / "demo.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "serve", "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        try:
            with console.status("starting a vLLM engine for the generator and one for the reward model"):
                _wait_until_ready(process, f"http://127.0.0.1:{port}", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            with console.status("stopping the service"):
                process.terminate()
                process.wait(timeout=120)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTUP_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoFailed(f"the service ended with exit code {process.returncode}; its log is {log}")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/ready", timeout=5).status_code == httpx.codes.OK:
                return
        time.sleep(0.2)
    raise DemoFailed(f"the service was not ready within {STARTUP_S:.0f} s; its log is {log}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
