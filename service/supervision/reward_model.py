"""A reward model as the scorers hold it: the same object whichever engine or process lives behind it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from service.reward_models.base.language import TextQuery
from service.reward_models.base.ports import PoolingOutput, Resource, TokenQuery
from service.supervision.supervised import Supervised


class RestartableModel(Resource, Protocol):
    """A model that can be asked for a sign of life, and killed."""

    @property
    def max_model_len(self) -> int: ...
    @property
    def dtype(self) -> str: ...

    async def ping(self) -> None:
        """Return once the model's own loop has turned; PoolingFailed (`engine_dead`) if it is dead."""

    def kill(self) -> None:
        """SIGKILL to its processes, stopped ones too; it is only good for `aclose` then."""


class SupervisedModel:
    """A pooling or language model over a part that is replaced when it is lost; its calls fail as `engine_dead`.

    It can be asked what the model behind it can, and nothing else is asked of it.
    """

    def __init__(self, part: Supervised[RestartableModel]) -> None:
        self.part = part
        self.max_model_len = part.life.inner.max_model_len
        self.dtype = part.life.inner.dtype

    async def classify(self, inputs: Sequence[Sequence[int]]) -> list[PoolingOutput]:
        return await self._asked(lambda model: model.classify(inputs))

    async def token_classify(self, queries: Sequence[TokenQuery]) -> list[PoolingOutput]:
        return await self._asked(lambda model: model.token_classify(queries))

    async def logprobs(self, queries: Sequence[TextQuery]) -> list[PoolingOutput]:
        return await self._asked(lambda model: model.logprobs(queries))

    async def token_logits(
        self, queries: Sequence[TokenQuery], token_ids: Sequence[int]
    ) -> list[PoolingOutput]:
        return await self._asked(lambda model: model.token_logits(queries, token_ids))

    async def check_health(self) -> None:
        await self.part.check_health()

    def close(self) -> None:
        """Stop it where no event loop runs: when another scorer could not be loaded."""
        self.part.life.inner.close()

    async def aclose(self) -> None:
        await self.part.aclose()

    async def _asked(self, question: Callable[[Any], Awaitable[list[PoolingOutput]]]) -> list[PoolingOutput]:
        life = self.part.life
        return await life.call(lambda: question(life.inner))
