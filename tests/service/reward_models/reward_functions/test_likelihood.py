"""Likelihood scorers: the generator's own log-probabilities of any text, on the generator's account."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.metering.limits import RequestLimits
from service.reward_models.base.errors import ScorerLoadError
from strategies.base.errors import ScorerFailed, TooLongToScore
from strategies.base.types import Decoding, Prompt
from tests.service.reward_models.judges.scripts import QUESTION, Replies, loaded, metered, verdict


def likelihood(**more: Any) -> dict[str, Any]:
    return {"name": "l", "backend": "likelihood", **more}


def scorers(engine: Any = None, **more: Any) -> Any:
    return loaded(likelihood(**more), generators={"main": engine or ScriptedEngine()})


async def scored(*texts: str, **more: Any) -> tuple[float | None, ...]:
    values: tuple[float | None, ...] = (await scorers(**more).outcome("l").score(QUESTION, texts)).values
    return values


async def test_mean_log_probability_by_hand() -> None:
    # the script's tokens are "one" and " three": -0.3 and -0.6
    values = await scored("one three", "")
    assert math.isclose(values[0] or 0, -0.45)
    assert values[1] is None


async def test_it_is_what_a_candidate_of_the_engine_brings_along() -> None:
    engine = ScriptedEngine()
    asked = Prompt(QUESTION.messages, decoding=Decoding(logprobs=0))
    async with engine.sample(asked, 3) as stream:
        drawn = [candidate async for candidate in stream]
    values = (await scorers(engine).outcome("l").score(QUESTION, [c.text for c in drawn])).values
    for value, candidate in zip(values, drawn, strict=True):
        assert candidate.logprob is not None
        assert math.isclose(value or 0, candidate.logprob / candidate.tokens)


async def test_self_certainty_and_confidence_by_hand() -> None:
    p = math.exp(-0.3)
    both = [-0.3, math.log(1 - p)]
    certain = await scored("one", rule="self_certainty", alternatives=2)
    assert math.isclose(certain[0] or 0, -sum(both) / 2 - math.log(2))
    confident = await scored("one", rule="confidence", alternatives=2)
    assert math.isclose(confident[0] or 0, -sum(both) / 2)


async def test_reading_is_the_generators_account() -> None:
    engine = ScriptedEngine()
    panel = metered(scorers(engine))
    await panel.outcome("l").score(QUESTION, ["one two", "one two", "three"])
    assert panel.meter.completion_tokens == engine.generation_tokens == 2
    assert panel.meter.engine_prompt_tokens == engine.prompt_tokens == 5 + 2 + 5 + 1
    assert panel.meter.reward_model_tokens == 0


async def test_a_spent_budget_leaves_nothing_to_read_with() -> None:
    engine = ScriptedEngine()
    panel = metered(scorers(engine), RequestLimits(max_completion_tokens=1))
    assert (await panel.outcome("l").score(QUESTION, ["one", "two"])).values == (None, None)
    assert (panel.meter.limit, engine.generation_tokens) == ("max_completion_tokens", 0)


async def test_a_dead_generator_and_a_text_too_long_are_told_apart() -> None:
    with pytest.raises(ScorerFailed) as failure:
        await scorers(ScriptedEngine(dead=True)).outcome("l").score(QUESTION, ["one"])
    assert failure.value.reason == "engine_dead"
    with pytest.raises(TooLongToScore):
        await scorers().outcome("l").score(Prompt(text="word " * 9000), ["one"])


def test_a_generator_that_cannot_read_is_refused() -> None:
    with pytest.raises(ScorerLoadError, match="generator 'main' cannot tell the log-probabilities"):
        scorers(Replies(lambda question, index: verdict("x")))


def test_vllms_rows_are_those_of_the_text() -> None:
    reading = pytest.importorskip("service.engine.vllm.prompt_logprobs")

    def row(*entries: tuple[int, float, int]) -> dict[int, Any]:
        return {token: SimpleNamespace(logprob=logprob, rank=rank) for token, logprob, rank in entries}

    rows = [
        None,
        row((7, -0.5, 1), (3, -1.0, 2)),
        row((8, -4.0, 9), (3, -0.2, 1), (5, -2.0, 2)),
        row((9, -0.1, 1), (2, -3.0, 2)),
    ]
    place = reading.Place([1, 7, 8, 9], [1, 2])
    read = reading.read_text(rows, place, 2, generated=1)
    assert read.logprobs == (-0.5, -4.0)
    assert read.tops == ((-0.5, -1.0), (-0.2, -2.0))
    assert (read.tokens, read.generated) == (4, 1)
    assert reading.read_text(rows, place, 0, generated=1).tops == ()
