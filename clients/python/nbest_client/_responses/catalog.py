"""What the server says it serves: models, strategies, scorers."""

from typing import Any

from pydantic import Field

from nbest_client._responses.explanation import Told


class ModelInfo(Told):
    """A name that a request may put in `model`; `nbest` is the strategy of a preset."""

    id: str
    object: str = "model"
    created: int
    owned_by: str
    max_model_len: int | None = None
    root: str | None = None
    nbest: dict[str, Any] | None = None


class StrategyInfo(Told):
    """A strategy, with its parameters as JSON schema, the scorers it can use and the fields it refuses."""

    id: str
    object: str = "strategy"
    summary: str
    scorer_kinds: tuple[str, ...]
    needs_scorer: bool
    streams_live: tuple[str, ...]
    refuses: tuple[str, ...]
    parameters: dict[str, Any]


class ScorerInfo(Told):
    """A loaded scorer; the first of a kind is the default."""

    name: str
    kind: str


class Models(Told):
    """The reply of `GET /v1/models`."""

    data: tuple[ModelInfo, ...] = Field(min_length=1)

    @property
    def first(self) -> str:
        """What a request gets that names none: the generator itself, which the server lists before its presets."""
        return self.data[0].id


class Strategies(Told):
    """The reply of `GET /v1/strategies`."""

    data: tuple[StrategyInfo, ...]


class Scorers(Told):
    """The reply of `GET /v1/scorers`."""

    data: tuple[ScorerInfo, ...]
