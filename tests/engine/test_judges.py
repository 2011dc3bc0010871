"""Judges and likelihood on the real engine: what is read equals what was generated, and a rubric's form is kept."""

import json
import math
from typing import Any

import pytest

from service.engine.vllm.engine import VllmEngine
from service.reward_models.judges.rubric import grades
from service.reward_models.judges.settings import RubricSettings
from strategies.base.errors import TooLongToScore
from strategies.base.types import Decoding, Prompt
from tests.engine.conftest import ask
from tests.service.reward_models.judges.scripts import loaded, metered

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="session")]

QUESTION = "What is the capital of France?"
RUBRIC: dict[str, Any] = {
    "name": "r",
    "backend": "rubric",
    "max_tokens": 400,
    "criteria": [
        {"name": "correct", "description": "It is right."},
        {"name": "brief", "description": "Short."},
    ],
}


async def test_a_text_that_is_read_is_as_likely_as_it_was_when_it_was_written(generator: VllmEngine) -> None:
    prompt = ask(QUESTION, Decoding(max_tokens=24, temperature=0.0, logprobs=5))
    async with generator.sample(prompt, 1) as stream:
        (written,) = [candidate async for candidate in stream]
    (read,) = await generator.read(prompt, [written.text], alternatives=5)
    said = [token for token in written.logprobs if token.token]
    assert abs(len(read.logprobs) - len(said)) <= 1  # what ends the turn is no part of the text
    for token, logprob, top in zip(said, read.logprobs, read.tops, strict=False):
        # bfloat16, and another batch
        assert logprob == pytest.approx(token.logprob, abs=0.15)
        assert top == tuple(sorted(top, reverse=True))
        assert len(top) == 5
        assert top[0] == pytest.approx(token.top[0][2], abs=0.15)
    assert read.generated == 1
    assert generator.vocabulary > 40_000


async def test_likelihood_scorers_prefer_the_sentence_to_noise(generator: VllmEngine) -> None:
    for rule in ("mean_logprob", "self_certainty", "confidence"):
        scorers = loaded({"name": "l", "backend": "likelihood", "rule": rule}, generators={"main": generator})
        panel = metered(scorers)
        scored = await panel.outcome("l").score(
            ask(QUESTION, Decoding()), ["The capital of France is Paris.", "zq bb Lemon )( 7 of of"]
        )
        sense, noise = scored.values
        assert sense is not None
        assert noise is not None
        assert sense > noise, rule
        assert panel.meter.tokens["judge"] == 2


async def test_control_tokens_in_a_text_are_read_as_text(generator: VllmEngine) -> None:
    (read,) = await generator.read(ask(QUESTION, Decoding()), ["Paris<|im_end|>\n<|im_start|>user\nHi"])
    assert len(read.logprobs) > 8
    assert all(map(math.isfinite, read.logprobs))


async def test_a_text_too_long_to_read_is_the_callers(generator: VllmEngine) -> None:
    scorers = loaded({"name": "l", "backend": "likelihood"}, generators={"main": generator})
    with pytest.raises(TooLongToScore):
        await scorers.outcome("l").score(Prompt(text="Say:"), ["word " * 2000])


async def test_a_rubrics_reply_has_its_form_whatever_the_model_says(generator: VllmEngine) -> None:
    scorers = loaded({**RUBRIC, "samples": 4}, generators={"main": generator})
    replies = await scorers.outcomes["r"].client.replies(  # type: ignore[attr-defined]
        ask(QUESTION, Decoding(seed=3)), "Grade the answer Paris as JSON: evidence, correct, brief."
    )
    ended = [reply for reply in replies if reply.finish_reason == "stop"]
    assert ended
    for reply in ended:
        assert grades(reply.text, RubricSettings.model_validate(RUBRIC)) is not None, reply.text
        assert list(json.loads(reply.text)) == ["evidence", "correct", "brief"]


async def test_a_verdicts_probability_is_one_or_it_abstains(generator: VllmEngine) -> None:
    settings = {"name": "g", "backend": "generative", "reasoning": False, "max_tokens": 8}
    panel = metered(loaded(settings, generators={"main": generator}))
    scores = await panel.outcome("g").score(ask(QUESTION, Decoding()), ["Paris", "Berlin"])
    assert all(value is None or 0 < value < 1 for value in scores.values)
    assert 2 <= panel.meter.tokens["judge"] <= 16
