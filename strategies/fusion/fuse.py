"""Put texts to a fusor: as many of the best as it has room for, in an order that does not tell which is best."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from strategies.base.errors import InvalidRequest
from strategies.base.ports import Engine
from strategies.base.types import Candidate, Decoding, Prompt
from strategies.fusion.pool import Pool
from strategies.fusion.prompt import fusion_messages
from strategies.fusion.shuffle import shuffled

_PROMPT_FIELDS: Final = ("messages", "prompt")
"""What an engine names when the prompt is too long for it."""


@dataclass(frozen=True, slots=True)
class FusionReply:
    """What the fusor read, as positions in the pool in the order of reading, and what it wrote, if it got that far."""

    order: tuple[int, ...] = ()
    written: Candidate | None = None


async def ask_fusor(
    prompt: Prompt, pool: Pool, shown: Sequence[float | None], decoding: Decoding, engine: Engine
) -> FusionReply:
    """Have the distinct candidates fused; `shown` are the scores to be told, parallel to the pool.

    A prompt that the engine finds too long is tried again without the lowest-ranked text. With fewer than two left
    there is nothing to fuse, and nothing is asked. The reply is numbered after the last candidate.
    """
    given = prompt.decoding.seed
    seed = secrets.randbits(63) if given is None else given
    index = 1 + max(candidate.index for candidate in pool.candidates)
    for most in range(len(pool.distinct), 1, -1):
        order = shuffled(pool.distinct[:most], seed)
        texts = [pool.candidates[i].content for i in order]
        messages = fusion_messages(prompt, texts, [shown[i] for i in order], seed)
        try:
            written = await _reply(Prompt(messages, decoding=decoding), index, engine)
        except InvalidRequest as error:
            if error.param not in _PROMPT_FIELDS:
                raise
        else:
            return FusionReply(order, written)
    return FusionReply()


async def _reply(prompt: Prompt, index: int, engine: Engine) -> Candidate | None:
    """The fusor's reply; None where a limit of the request left no room for one."""
    async with engine.sample(prompt, 1, stage="fusion", start=index) as stream:
        return next(iter([written async for written in stream]), None)
