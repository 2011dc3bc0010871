"""What the service asks of reward models beyond the scorer ports, and what the adapters here ask of a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from strategies.base.ports import ScorerKind, ScorerLookup

Backend = Literal["vllm", "transformers"]


Reads = Literal["both", "token", "text"]
"""Where the head can be read: at any token and so at the last one too (`both`), by vLLM only as rows of all tokens
(`token`), or once for the whole text (`text`: encoders that look both ways)."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder that passed the checks.

    `labels` are the rows of its head, whose tensors' names begin with one of `head`; `end_token_id` is what every
    input has to end with, if anything; `has_types` where the model tells the two texts of a pair apart by types.
    """

    path: Path
    labels: int
    parameters: int
    pad_token_id: int | None = None
    architecture: str = ""
    reads: Reads = "both"
    end_token_id: int | None = None
    has_types: bool = False
    head: tuple[str, ...] = ("score.",)


Logits = tuple[float, ...]
"""The raw logits at one token, one for each label of the head."""


@dataclass(frozen=True, slots=True)
class TokenQuery:
    """An input and the tokens whose rows are wanted, as indices into it, never falling; at least one."""

    ids: Sequence[int]
    positions: Sequence[int]


@dataclass(frozen=True, slots=True)
class PoolingOutput:
    """The rows asked for, in order; `tokens` were read for them, `cached` of those from the prefix cache."""

    rows: tuple[Logits, ...]
    tokens: int
    cached: int = 0


class Resource(Protocol):
    """What stands behind a scorer and has a life of its own: an engine, a model, a connection."""

    async def check_health(self) -> None:
        """Return if it can serve; PoolingFailed says why not."""

    def close(self) -> None:
        """Stop it and everything it started; blocks for seconds, safe to call twice."""

    async def aclose(self) -> None:
        """The same without blocking the loop."""


class PoolingModel(Resource, Protocol):
    """A reward model that reads token ids and returns raw logits; PoolingFailed if it cannot."""

    @property
    def max_model_len(self) -> int:
        """The longest input in tokens."""

    @property
    def dtype(self) -> str: ...

    async def classify(self, inputs: Sequence[Sequence[int]]) -> list[PoolingOutput]:
        """The row at the last token of each input, as a reading of one row."""

    async def token_classify(self, queries: Sequence[TokenQuery]) -> list[PoolingOutput]:
        """The rows at the tokens asked for."""


@dataclass(frozen=True, slots=True)
class ScorerInfo:
    """Facts about a loaded scorer, as `/v1/scorers` tells them; None where a script stands in for a model."""

    name: str
    kind: ScorerKind
    backend: str
    model: str
    dtype: str | None = None
    max_model_len: int | None = None
    parameters: int | None = None
    label: int | None = None
    activation: str | None = None
    step_delimiter: str | None = None
    members: tuple[str, ...] | None = None
    rule: str | None = None
    normalisation: str | None = None
    objectives: tuple[str, ...] | None = None
    compares: bool | None = None
    generator: str | None = None
    url: str | None = None
    sees_reasoning: bool | None = None


class ServedScorers(ScorerLookup, Protocol):
    """The loaded scorers as the application holds them: a port with a life of its own."""

    def describe(self) -> Sequence[ScorerInfo]:
        """The loaded scorers in the order of the configuration."""

    async def check_order(self) -> None:
        """Return if every scorer puts a right answer above a wrong one; ScorerLoadError names one that does not."""

    async def check_health(self) -> None:
        """Return if all can score; ScorerFailed names the first that cannot."""

    async def aclose(self) -> None:
        """Stop every engine; safe to call twice."""
