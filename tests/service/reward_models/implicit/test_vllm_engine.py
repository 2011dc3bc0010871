"""The language engine: log-probabilities of the tokens asked for, and anything less is an error."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest

from service.engine.group_lock import GroupLock
from service.reward_models.base.errors import FailureReason, PoolingFailed
from service.reward_models.base.language import TextQuery
from service.reward_models.implicit import vllm_engine
from service.reward_models.implicit.vllm_engine import LanguageEngine


@dataclass
class Likely:
    logprob: float


@dataclass
class Output:
    prompt_logprobs: list[dict[int, Likely] | None] | None


@dataclass
class FakeGenerator:
    """Answers as vLLM's AsyncLLM does: token i of a prompt has the log-probability -i, the first one none."""

    errored: bool = False
    fails: Exception | None = None
    aborts: bool = False
    is_short: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    running: int = 0

    async def generate(self, prompt: Any, params: Any, request_id: str) -> AsyncGenerator[Output, None]:
        self.asked.append(prompt)
        self.running += 1
        try:
            await asyncio.sleep(0.01)
            if self.fails:
                raise self.fails
            ids = prompt["prompt_token_ids"]
            found = [None, *({token: Likely(-float(i))} for i, token in enumerate(ids) if i)]
            yield Output(None if self.aborts else found[:-1] if self.is_short else found)
        finally:
            self.running -= 1

    def shutdown(self) -> None: ...


@pytest.fixture(autouse=True)
def _no_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_engine, "_params", lambda: None)


def engine(generator: Any, max_model_len: int = 8) -> LanguageEngine:
    return LanguageEngine(generator, GroupLock(), max_model_len=max_model_len, dtype="float32")


async def test_the_tokens_from_the_start_on_are_told() -> None:
    readings = await engine(FakeGenerator()).logprobs([TextQuery([5, 6, 7, 8], 2), TextQuery([5, 6], 1)])
    assert [reading.rows for reading in readings] == [((-2.0, -3.0),), ((-1.0,),)]
    assert [reading.tokens for reading in readings] == [4, 2]


async def test_nothing_to_read_asks_nothing() -> None:
    generator = FakeGenerator()
    assert await engine(generator).logprobs([]) == []
    assert generator.asked == []


async def test_room_is_left_for_the_one_token_that_vllm_writes() -> None:
    reading = engine(FakeGenerator(), max_model_len=4)
    assert len(await reading.logprobs([TextQuery([1, 2, 3], 1)])) == 1
    with pytest.raises(PoolingFailed) as failure:
        await reading.logprobs([TextQuery([1, 2, 3, 4], 1)])
    assert failure.value.reason == "too_long"


@pytest.mark.parametrize(
    ("generator", "reason"),
    [
        (FakeGenerator(fails=RuntimeError("no")), "error"),
        (FakeGenerator(aborts=True), "aborted"),
        (FakeGenerator(is_short=True), "aborted"),
        (FakeGenerator(errored=True), "engine_dead"),
    ],
)
async def test_whatever_goes_wrong_is_told(generator: FakeGenerator, reason: FailureReason) -> None:
    with pytest.raises(PoolingFailed) as failure:
        await engine(generator).logprobs([TextQuery([1, 2], 1)])
    assert failure.value.reason == reason


async def test_a_cancelled_reading_is_ended_in_the_engine() -> None:
    generator = FakeGenerator()
    reading = asyncio.create_task(engine(generator).logprobs([TextQuery([1, 2], 1)]))
    await asyncio.sleep(0.002)
    assert generator.running == 1
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert generator.running == 0
