"""The port of an engine that can say how likely it finds a text that stands already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from strategies.base.types import Prompt


@dataclass(frozen=True, slots=True)
class ReadText:
    """A text as the model read it after a prompt, token by token.

    `logprobs` are natural-log probabilities at temperature 1; `tops[i]` those of the likeliest tokens at the place of
    token i, where they were asked for. `tokens` were read in all, prompt included, and `generated` on the way.
    """

    logprobs: tuple[float, ...]
    tops: tuple[tuple[float, ...], ...] = ()
    tokens: int = 0
    generated: int = 0


@runtime_checkable
class Reader(Protocol):
    """An engine that reads texts."""

    @property
    def vocabulary(self) -> int:
        """Tokens that the model tells apart."""

    async def read(self, prompt: Prompt, texts: Sequence[str], *, alternatives: int = 0) -> list[ReadText]:
        """Each text as the answer to the prompt, without what ends the turn; `alternatives` likeliest tokens a place.

        InvalidRequest if a text is too long for the model, EngineFailed if the engine is lost.
        """
