"""A reward model's engine as the scorers hold it: the same object whichever engine lives behind it."""

from collections.abc import Sequence
from typing import Protocol

from service.reward_models.base import PoolingModel, Reading, TokenQuery
from service.supervision.part import Part


class RestartablePooling(PoolingModel, Protocol):
    """A PoolingModel that can be asked for a sign of life, and killed."""

    async def ping(self) -> None:
        """Return once the engine's own loop has turned; PoolingFailed (`dead`) if it is dead."""

    def kill(self) -> None:
        """SIGKILL to its processes, stopped ones too; it is only good for `aclose` then."""


class SupervisedPooling:
    """PoolingModel over a part that is replaced when it is lost; calls of the lost one fail as `dead`."""

    def __init__(self, part: Part[RestartablePooling]) -> None:
        self.part = part
        self.max_model_len = part.life.inner.max_model_len
        self.dtype = part.life.inner.dtype

    async def classify(self, inputs: Sequence[Sequence[int]]) -> list[Reading]:
        life = self.part.life
        return await life.call(lambda: life.inner.classify(inputs))

    async def token_classify(self, queries: Sequence[TokenQuery]) -> list[Reading]:
        life = self.part.life
        return await life.call(lambda: life.inner.token_classify(queries))

    async def check_health(self) -> None:
        await self.part.check_health()

    def close(self) -> None:
        """Stop it where no event loop runs: when another scorer could not be loaded."""
        self.part.life.inner.close()

    async def aclose(self) -> None:
        await self.part.aclose()
