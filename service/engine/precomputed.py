"""The engine of `/v1/select`: it draws nothing and delivers the candidates that the caller brought."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from strategies.base.errors import InvalidRequest
from strategies.base.ports import LiveCandidate, OnDelta
from strategies.base.types import Candidate, Prompt, Stage


@dataclass(frozen=True, slots=True)
class PrecomputedEngine:
    """Delivers `candidates`, however many are asked for, so that selection runs the same code as a draw."""

    candidates: tuple[Candidate, ...]

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
        if stage != "sample":
            message = f"this strategy generates text ({stage}), which a selection does not do"
            raise InvalidRequest(message, param="strategy")
        yield _each(self.candidates)

    def open(
        self, prompt: Prompt, n: int, *, stage: Stage = "sample", start: int = 0
    ) -> AbstractAsyncContextManager[Sequence[LiveCandidate]]:
        raise InvalidRequest(
            "this strategy needs live candidates, which a selection does not have", param="strategy"
        )


async def _each(candidates: Sequence[Candidate]) -> AsyncIterator[Candidate]:
    for candidate in candidates:
        yield candidate
