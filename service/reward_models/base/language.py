"""What scorers ask of a causal language model that generates nothing: how likely it finds given tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from service.reward_models.base.ports import PoolingOutput, Resource, TokenQuery


@dataclass(frozen=True, slots=True)
class TextQuery:
    """Token ids of which those from `start` (at least 1) on are judged, each after all before it."""

    ids: Sequence[int]
    start: int


class TokenLogprobs(Protocol):
    """A causal language model that tells how likely it finds given tokens; PoolingFailed if it cannot."""

    async def logprobs(self, queries: Sequence[TextQuery]) -> list[PoolingOutput]:
        """The log-probability of each token from `start` on, in nats: a reading of one row."""


class LikelihoodModel(TokenLogprobs, Resource, Protocol):
    """One with a life of its own."""

    @property
    def max_model_len(self) -> int:
        """The longest input in tokens."""

    @property
    def dtype(self) -> str: ...


class LanguageModel(LikelihoodModel, Protocol):
    """One that also tells the logits behind those."""

    async def token_logits(
        self, queries: Sequence[TokenQuery], token_ids: Sequence[int]
    ) -> list[PoolingOutput]:
        """At each position asked for, the logits of `token_ids` as the next token: one row a position."""
