"""What the service asks of an engine beyond the port: who it is, whether it lives, and to close."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from strategies.base.ports import Engine
from strategies.base.types import Prompt


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Facts about a running engine.

    `defaults` are the model's own sampling defaults (generation config); `concurrency` is how many candidates it
    generates at once, None where that is not bounded.
    """

    model: str
    backend: str
    max_model_len: int
    parameters: int | None = None
    defaults: Mapping[str, float] = field(default_factory=dict)
    concurrency: int | None = None


class ServedEngine(Engine, Protocol):
    """An engine with a life of its own."""

    @property
    def info(self) -> EngineInfo: ...

    async def check_health(self) -> None:
        """Return if it can serve; EngineFailed says why not."""

    async def aclose(self) -> None:
        """Stop it and everything it started; safe to call twice."""


@dataclass(frozen=True, slots=True)
class TextLogprobs:
    """A text as the model read it after a prompt, token by token.

    `logprobs` are natural-log probabilities at temperature 1; `tops[i]` those of the likeliest tokens at the place of
    token i, where they were asked for. `tokens` were read in all, prompt included, and `generated` on the way.
    """

    logprobs: tuple[float, ...]
    tops: tuple[tuple[float, ...], ...] = ()
    tokens: int = 0
    generated: int = 0


@runtime_checkable
class PromptLogprobs(Protocol):
    """An engine that reads texts."""

    @property
    def vocabulary(self) -> int:
        """Tokens that the model tells apart."""

    async def read(
        self, prompt: Prompt, texts: Sequence[str], *, alternatives: int = 0
    ) -> list[TextLogprobs]:
        """Each text as the answer to the prompt, without what ends the turn; `alternatives` likeliest tokens a place.

        InvalidRequest if a text is too long for the model, EngineFailed if the engine is lost.
        """
