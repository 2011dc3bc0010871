"""`nbest calibrate`: how often early rejection would lose the winner, and what it would save, by tau and share kept."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from rich.table import Table

from service.app import Parts, start_parts
from service.protocol.chat import ChatMessage
from service.settings import Settings
from strategies.base.errors import InvalidRequest
from strategies.base.types import Decoding, Message, Prompt
from strategies.rejecting.curve import Point, Trace, curve
from strategies.rejecting.tracing import trace
from strategies.scores.aggregate import Aggregation

Chat = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: `n` answers to each prompt, each share at each tau."""

    n: int
    taus: tuple[int, ...]
    keeps: tuple[float, ...]
    scorer: str | None = None
    aggregation: Aggregation = "last"


class _Line(BaseModel):
    """One line of a file of prompts: `{"prompt": …}` or `{"messages": […]}`."""

    model_config = ConfigDict(extra="ignore")

    prompt: str | None = Field(None, min_length=1)
    messages: list[ChatMessage] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _one_of_both(self) -> "_Line":
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("one of prompt and messages is needed")
        return self

    def chat(self) -> Chat:
        if self.messages is None:
            return (Message("user", self.prompt or ""),)
        return tuple(message.message() for message in self.messages)


def as_chat(messages: Sequence[Mapping[str, str]]) -> Chat:
    """Messages of the wire as a chat."""
    return tuple(Message(message["role"], message["content"]) for message in messages)


def read_prompts(path: Path) -> list[Chat]:
    """The chats in a file of JSON lines; InvalidRequest names the line that is none."""
    chats = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip():
            try:
                chats.append(_Line.model_validate_json(line).chat())
            except ValidationError as error:
                told = error.errors(include_url=False, include_input=False)[0]["msg"]
                raise InvalidRequest(f"{path}, line {number}: {told}") from None
    return chats


def run(
    settings: Settings,
    chats: Sequence[Chat],
    plan: Plan,
    *,
    max_tokens: int,
    seed: int | None = None,
) -> list[Point]:
    """Start the generator and the scorers of the settings, measure, stop them. Call it in the main thread."""
    parts = start_parts(settings.model_copy(update={"fusors": {}}))
    decoding = Decoding(max_tokens=max_tokens, temperature=0.8, seed=seed)
    prompts = [Prompt(chat, decoding=decoding) for chat in chats]
    return asyncio.run(_measured(parts, prompts, plan))


async def _measured(parts: Parts, prompts: Iterable[Prompt], plan: Plan) -> list[Point]:
    try:
        return curve(await traces(parts, prompts, plan), plan.taus, plan.keeps)
    finally:
        await asyncio.gather(parts.engine.aclose(), parts.scorers.aclose())


async def traces(parts: Parts, prompts: Iterable[Prompt], plan: Plan) -> list[list[Trace]]:
    """The answers to one prompt after the other, each with a seed of its own where the decoding has one."""
    scorer = parts.scorers.step(plan.scorer)
    found = []
    for number, prompt in enumerate(prompts):
        seed = prompt.decoding.seed
        own = replace(prompt.decoding, seed=None if seed is None else seed + number)
        asked = replace(prompt, decoding=own)
        found.append(await trace(asked, plan.n, parts.engine, scorer, plan.taus, plan.aggregation))
    return found


def table(points: Sequence[Point]) -> Table:
    """The curve for a terminal."""
    prompts = points[0].prompts if points else 0
    told = Table(title=f"early rejection, {prompts} prompts", title_justify="left")
    for name in ("tau", "keep", "winner lost", "tokens saved", "correlation"):
        told.add_column(name, justify="right")
    for point in points:
        r = "–" if point.correlation is None else f"{point.correlation:.2f}"
        told.add_row(str(point.tau), f"{point.keep:.3g}", f"{point.lost:.1%}", f"{point.saved:.1%}", r)
    return told


def as_json(points: Sequence[Point]) -> str:
    """The curve for a program: a list of points."""
    return json.dumps([asdict(point) for point in points])
