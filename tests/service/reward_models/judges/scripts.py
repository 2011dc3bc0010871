"""What the tests of judges and of combined scorers share: a generator that replies as told, and loading by settings."""

import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from service.engine.group_lock import GroupLock
from service.metering.limits import RequestLimits
from service.metering.meter import Meter
from service.metering.scorers import MeteredScorers
from service.observability.metrics import Metrics
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.loading.loader import load_scorers
from service.reward_models.loading.registry import AnyScorer
from strategies.base.ports import Engine, OnDelta
from strategies.base.types import Candidate, Message, Prompt, Stage, TokenLogprob

QUESTION = Prompt((Message("user", "What is 6 times 7?"),))


def loaded(*settings: dict[str, Any], generators: dict[str, Engine] | None = None) -> LoadedScorers:
    """These scorers, loaded as a configuration file has them."""
    parsed = TypeAdapter(list[AnyScorer]).validate_python(list(settings))
    return load_scorers(parsed, str, GroupLock(), generators=generators or {})


def metered(scorers: LoadedScorers, bounds: RequestLimits | None = None) -> MeteredScorers:
    """The scorers as one request sees them."""
    return MeteredScorers(scorers, Meter(), bounds or RequestLimits(), Metrics())


def verdict(text: str, **probabilities: float) -> Candidate:
    """A reply of the words of `text`; the last word's place has these likeliest tokens."""
    words = text.split(" ")
    top = tuple((word, i, math.log(p)) for i, (word, p) in enumerate(probabilities.items()))
    tokens = [TokenLogprob(word, 99, -0.1) for word in words]
    if top:
        last = words[-1].strip(" .*")
        said = next((entry for entry in top if entry[0] == last), top[0])
        tokens[-1] = TokenLogprob(*said, top)
    return Candidate(0, text, len(words), "stop", prompt_tokens=10, logprobs=tuple(tokens))


@dataclass
class Replies:
    """A generator whose reply is a function of the question and the index; every question is noted."""

    reply: Callable[[str, int], Candidate | Exception]
    asked: list[Prompt] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    @asynccontextmanager
    async def sample(
        self,
        prompt: Prompt,
        n: int,
        *,
        stage: Stage = "sample",
        start: int = 0,
        on_delta: OnDelta | None = None,
    ) -> AsyncIterator[AsyncIterator[Candidate]]:
        self.asked.append(prompt)
        self.stages.append(stage)
        self.starts.append(start)
        replies = [self.reply(prompt.messages[0].content, index) for index in range(start, start + n)]
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        yield _each([reply for reply in replies if isinstance(reply, Candidate)])

    def open(self, prompt: Prompt, n: int, *, stage: Stage = "sample", start: int = 0) -> Any:
        raise AssertionError("a judge needs no live candidates")

    @property
    def questions(self) -> list[str]:
        return [prompt.messages[0].content for prompt in self.asked]


async def _each(candidates: Sequence[Candidate]) -> AsyncIterator[Candidate]:
    for candidate in candidates:
        yield candidate
