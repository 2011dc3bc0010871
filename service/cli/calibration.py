"""What early rejection would lose and save, by checkpoints and share kept, and what to choose."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from rich.table import Table

from service.app import Parts, start_parts
from service.protocol.messages import ChatMessage
from service.settings import Settings
from strategies.base.errors import InvalidRequest
from strategies.base.types import Decoding, Message, Prompt
from strategies.scores.aggregate import Aggregation
from strategies.search.calibration import Checkpoints, Point, Trace, calibrated, curve
from strategies.search.traces import trace

Chat = tuple[Message, ...]

EMBEDDED_SCHEDULES: tuple[Checkpoints, ...] = ((4,), (6,), (8,), (10,), (12,), (4, 10), (6, 10))
"""For the embedded problems, whose answers have some 11 tokens of equation and 8 that repeat the result."""
SCHEDULES: tuple[Checkpoints, ...] = ((16,), (32,), (64,), (32, 64))
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: `n` answers to each prompt, each share at each schedule of checkpoints."""

    n: int
    schedules: tuple[Checkpoints, ...]
    keeps: tuple[float, ...]
    scorer: str | None = None
    aggregation: Aggregation = "last"

    @property
    def taus(self) -> list[int]:
        """Every number of tokens at which answers are judged, rising."""
        return sorted({tokens for schedule in self.schedules for tokens in schedule})


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


def schedule(told: str) -> Checkpoints:
    """The checkpoints in `6,10`; InvalidRequest unless they are positive and rise."""
    try:
        tokens = tuple(map(int, told.split(",")))
    except ValueError:
        tokens = ()
    if not tokens or tokens[0] < 1 or list(tokens) != sorted(set(tokens)):
        raise InvalidRequest(f"checkpoints are positive numbers of tokens that rise, as 6,10; got {told!r}")
    return tokens


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
    parts = start_parts(settings.model_copy(update={"generators": {}}))
    decoding = Decoding(max_tokens=max_tokens, temperature=0.8, seed=seed)
    prompts = [Prompt(chat, decoding=decoding) for chat in chats]
    return asyncio.run(_measured(parts, prompts, plan))


async def _measured(parts: Parts, prompts: Iterable[Prompt], plan: Plan) -> list[Point]:
    try:
        return curve(await traces(parts, prompts, plan), plan.schedules, plan.keeps)
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
    for name in ("checkpoints", "kept", "winner lost", "answer changed", "tokens saved", "correlation"):
        told.add_column(name, justify="right")
    for point in points:
        r = "–" if point.correlation is None else f"{point.correlation:.2f}"
        shares = (f"{share:.1%}" for share in (point.lost, point.changed, point.saved))
        told.add_row(",".join(map(str, point.checkpoints)), f"{point.keep_ratio:.3g}", *shares, r)
    return told


def chosen(points: Sequence[Point], plan: Plan, tolerance: float) -> str:
    """What to send: the strategy object that saves most and changes at most a share `tolerance` of the answers."""
    point = calibrated(points, tolerance)
    if point is None:
        return f"no setting changes the answer of at most {tolerance:.0%} of the prompts: judge later, or keep more"
    spec = {"name": "early_rejection", "scope": "response", "beams": plan.n}
    spec |= {
        "checkpoints": list(point.checkpoints),
        "keep_ratio": point.keep_ratio,
        "aggregation": plan.aggregation,
    }
    return f"calibrated, for answers changed in at most {tolerance:.0%}: {json.dumps(spec)}"


def as_json(points: Sequence[Point]) -> str:
    """The curve for a program: a list of points."""
    return json.dumps([asdict(point) for point in points])
