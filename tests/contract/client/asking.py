"""Both clients behind one interface, so that every promise is tested on both: the one that waits runs in a thread."""

import asyncio
from typing import Any, Literal

from nbest_client import AsyncClient, Client, Delta, Generation

Kind = Literal["sync", "async"]


async def call(kind: Kind, url: str, name: str, *args: Any, max_retries: int = 0, **options: Any) -> Any:
    """What the client's method of that name returns."""
    if kind == "sync":
        with Client(url, model="scripted", max_retries=max_retries) as client:
            return await asyncio.to_thread(getattr(client, name), *args, **options)
    async with AsyncClient(url, model="scripted", max_retries=max_retries) as opened:
        return await getattr(opened, name)(*args, **options)


async def generate(kind: Kind, url: str, **options: Any) -> Generation:
    """The answer to a question."""
    answer: Generation = await call(kind, url, "generate", "6 times 7?", **options)
    return answer


async def stream(
    kind: Kind, url: str, pieces: list[Delta], *, max_retries: int = 0, **options: Any
) -> Generation:
    """The answer to a question as a stream, read to its end; what came before an error is in `pieces`."""
    if kind == "sync":
        return await asyncio.to_thread(_read, url, pieces, max_retries, options)
    async with (
        AsyncClient(url, model="scripted", max_retries=max_retries) as client,
        client.stream("6 times 7?", **options) as streamed,
    ):
        async for piece in streamed:
            pieces.append(piece)
        return streamed.result


def _read(url: str, pieces: list[Delta], max_retries: int, options: dict[str, Any]) -> Generation:
    with (
        Client(url, model="scripted", max_retries=max_retries) as client,
        client.stream("6 times 7?", **options) as streamed,
    ):
        pieces.extend(streamed)
        return streamed.result
