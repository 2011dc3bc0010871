"""Asking while somebody watches: each answer, and until it is there how far it is."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from nbest_client import AnyStrategy, Client, Compared, Comparison, Generation, NbestError
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from service.cli.client.comparison_table import side_by_side
from service.cli.client.progress import Follower, Watched
from service.cli.terminal import plain


def generate(
    client: Client, prompt: str, strategy: AnyStrategy, console: Console, **request: Any
) -> Generation:
    """The answer. Progress is shown on the console if it is a terminal."""
    watched = Watched(str(strategy))
    with _live(console, watched.shown):
        return _ask(client, prompt, strategy, watched, console.is_terminal, request)


def compare(
    client: Client,
    prompt: str,
    strategies: Sequence[AnyStrategy],
    console: Console,
    **request: Any,
) -> Comparison:
    """What each strategy makes of the prompt, one after the other, so that their times compare.

    An error stands in its row; NbestError where not even the models are told.
    """
    request["model"] = request.get("model") or client.models()[0].id
    rows: list[Compared] = []
    watched = [Watched(str(strategy)) for strategy in strategies]

    def shown() -> RenderableType:
        done = len(rows)
        waiting = [Text(plain(f"{each.strategy}: waiting")) for each in watched[done + 1 :]]
        table = [side_by_side(rows[:done])] if done else []
        return Group(*table, *(each.shown() for each in watched[done : done + 1]), *waiting)

    with _live(console, shown):
        for i, strategy in enumerate(strategies):
            now = watched[i] = Watched(str(strategy))
            try:
                outcome: Generation | NbestError = _ask(
                    client, prompt, strategy, now, console.is_terminal, request
                )
            except NbestError as error:
                outcome = error
            rows.append(Compared.of(strategy, now.seconds, outcome))
    return Comparison(tuple(rows))


def _ask(
    client: Client,
    prompt: str,
    strategy: AnyStrategy,
    watched: Watched,
    follow: bool,
    request: dict[str, Any],
) -> Generation:
    """As a stream: leaving it, as Ctrl-C does, closes the connection, and that stops the server's work."""
    with (
        Follower(client, watched) as follower,
        client.stream(prompt, strategy=strategy, **request) as stream,
    ):
        if follow and stream.request_id:
            follower.follow(stream.request_id)
        try:
            for piece in stream:
                watched.text += piece.text
        finally:
            watched.ended = time.monotonic()
        return stream.result


def _live(console: Console, shown: Callable[[], RenderableType]) -> Live:
    """Redrawn four times a second in a terminal, and gone at the end; nothing where there is no terminal."""
    return Live(shown(), get_renderable=shown, console=console, transient=True, refresh_per_second=4)
