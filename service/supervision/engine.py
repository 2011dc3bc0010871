"""The generator as the service holds it: the same object whichever engine lives behind it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from service.engine.ports import EngineInfo, PromptLogprobs, ServedEngine, TextLogprobs
from service.supervision.instance import Instance
from service.supervision.supervised import Supervised
from strategies.base.errors import EngineFailed
from strategies.base.ports import LiveCandidate, OnDelta
from strategies.base.types import Candidate, FinishReason, Prompt, Stage


class RestartableEngine(ServedEngine, Protocol):
    """A ServedEngine that can be asked for a sign of life, and killed."""

    async def ping(self) -> None:
        """Return once the engine's own loop has turned; EngineFailed if it is dead."""

    def kill(self) -> None:
        """SIGKILL to its processes, stopped ones too; it is only good for `aclose` then."""


class SupervisedEngine:
    """ServedEngine over a part that is replaced when it is lost; calls of the lost one fail with EngineFailed."""

    def __init__(self, part: Supervised[RestartableEngine]) -> None:
        self.part = part
        self._info = part.life.inner.info

    @property
    def info(self) -> EngineInfo:
        return self._info

    @property
    def inner(self) -> RestartableEngine:
        """The engine that lives now, or was the last to."""
        return self.part.life.inner

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
        life = self.part.life
        async with AsyncExitStack() as block:
            candidates = await life.call(
                lambda: block.enter_async_context(
                    life.inner.sample(prompt, n, stage=stage, start=start, on_delta=on_delta)
                )
            )
            yield life.each(candidates)

    @asynccontextmanager
    async def open(
        self, prompt: Prompt, n: int, *, stage: Stage = "sample", start: int = 0
    ) -> AsyncIterator[Sequence[LiveCandidate]]:
        life = self.part.life
        async with AsyncExitStack() as block:
            opened = await life.call(
                lambda: block.enter_async_context(life.inner.open(prompt, n, stage=stage, start=start))
            )
            yield tuple(SupervisedLive(candidate, life) for candidate in opened)

    @property
    def vocabulary(self) -> int:
        return self._reader(self.inner).vocabulary

    async def read(
        self, prompt: Prompt, texts: Sequence[str], *, alternatives: int = 0
    ) -> list[TextLogprobs]:
        life = self.part.life
        return await life.call(
            lambda: self._reader(life.inner).read(prompt, texts, alternatives=alternatives)
        )

    @staticmethod
    def _reader(engine: ServedEngine) -> PromptLogprobs:
        if not isinstance(engine, PromptLogprobs):
            raise EngineFailed("this generator cannot tell the log-probabilities of a given text")
        return engine

    async def check_health(self) -> None:
        await self.part.check_health()

    async def aclose(self) -> None:
        await self.part.aclose()


@dataclass(frozen=True, slots=True)
class SupervisedLive:
    """A live candidate of one life of the engine: it does not outlive it."""

    inner: LiveCandidate
    life: Instance[RestartableEngine]

    @property
    def index(self) -> int:
        return self.inner.index

    @property
    def text(self) -> str:
        return self.inner.text

    @property
    def tokens(self) -> int:
        return self.inner.tokens

    @property
    def finish_reason(self) -> FinishReason | None:
        return self.inner.finish_reason

    async def advance(self, max_tokens: int, stop: str | None = None) -> None:
        await self.life.call(lambda: self.inner.advance(max_tokens, stop))

    async def fork(self, index: int) -> "SupervisedLive":
        return SupervisedLive(await self.life.call(lambda: self.inner.fork(index)), self.life)

    async def drop(self) -> None:
        # Not through the life: what a lost engine's candidate holds here is given back all the same.
        await self.inner.drop()

    def candidate(self) -> Candidate:
        return self.inner.candidate()
