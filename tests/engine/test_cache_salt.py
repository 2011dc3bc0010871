"""No key finds in a prefix cache what another's requests left there: neither the generator's nor a reward model's."""

from collections.abc import Awaitable, Callable
from secrets import token_hex

import pytest

from service.engine.vllm.engine import VllmEngine
from service.keys.caller import ANYBODY, Caller, acting_for
from strategies.base.types import Decoding, Message, Prompt
from tests.engine.scoring_fixtures import Scoring

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

ALICE, BOB = Caller("alice", "a" * 64), Caller("bob", "b" * 64)


def prompt() -> Prompt:
    """Several KV blocks long, and never asked before."""
    words = " ".join(token_hex(4) for _ in range(30))
    return Prompt((Message("user", f"Remember: {words}"),), decoding=Decoding(max_tokens=4))


async def drawn(generator: VllmEngine, asked: Prompt) -> int:
    async with generator.sample(asked, 1) as stream:
        (candidate,) = [candidate async for candidate in stream]
        return candidate.cached_tokens


async def advanced(generator: VllmEngine, asked: Prompt) -> int:
    async with generator.open(asked, 1) as (live,):
        await live.advance(4)
        return live.candidate().cached_tokens


async def scored(scoring: Scoring, kind: str, asked: Prompt) -> int:
    if kind == "outcome":
        return (await scoring.scorers.outcome(None).score(asked, ["The answer is 12."])).cached
    return (await scoring.scorers.step(None).score(asked, [["The answer is 12."]])).cached


@pytest.mark.parametrize("read", [drawn, advanced])
async def test_a_prompt_is_cached_for_its_own_key_alone(
    generator: VllmEngine, read: Callable[[VllmEngine, Prompt], Awaitable[int]]
) -> None:
    asked = prompt()
    cached: dict[str, list[int]] = {}
    for caller in (ALICE, BOB, ANYBODY, ALICE, BOB):
        with acting_for(caller):
            cached.setdefault(caller.name, []).append(await read(generator, asked))
    assert cached["alice"][0] == cached["bob"][0] == cached["anybody"][0] == 0
    assert cached["alice"][1] > 0
    assert cached["bob"][1] > 0


@pytest.mark.parametrize("kind", ["outcome", "step"])
async def test_a_text_is_scored_from_its_own_keys_cache_alone(scoring: Scoring, kind: str) -> None:
    asked = prompt()
    cached: dict[str, list[int]] = {}
    for caller in (ALICE, BOB, ALICE):
        with acting_for(caller):
            cached.setdefault(caller.name, []).append(await scored(scoring, kind, asked))
    assert cached["alice"][0] == cached["bob"][0] == 0
    assert cached["alice"][1] > 0
