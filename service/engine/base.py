"""What the service asks of an engine beyond the port: who it is, whether it lives, and to close."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from strategies.base.ports import Engine


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Facts about a running engine; `defaults` are the model's own sampling defaults (generation config)."""

    model: str
    backend: str
    max_model_len: int
    parameters: int | None = None
    defaults: Mapping[str, float] = field(default_factory=dict)


class ServedEngine(Engine, Protocol):
    """An engine with a life of its own."""

    @property
    def info(self) -> EngineInfo: ...

    async def check_health(self) -> None:
        """Return if it can serve; EngineFailed says why not."""

    async def aclose(self) -> None:
        """Stop it and everything it started; safe to call twice."""
