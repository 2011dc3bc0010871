"""Scripted scorers are deterministic, follow marks in the text, and fail on demand."""

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.reward_models.reward_functions.scripted import (
    ScriptedOutcomeScorer,
    ScriptedStepScorer,
    score_of_text,
)
from strategies.base.errors import ScorerFailed
from strategies.base.types import Message, Prompt

PROMPT = Prompt((Message("user", "?"),))


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("good [score=0.7]", 0.7),
        ("bad [score=-2]\n", -2.0),
        ("[score=1e3]", 1000.0),
        ("[score=0.1] and [score=0.2]", 0.2),
    ],
)
def test_a_mark_at_the_end_is_the_score(text: str, score: float) -> None:
    assert score_of_text(PROMPT, text) == score


@given(st.text())
def test_any_other_text_has_a_stable_score_in_the_unit_interval(text: str) -> None:
    assert 0 <= score_of_text(PROMPT, text + ".") < 1
    assert score_of_text(PROMPT, text + ".") == score_of_text(Prompt(text="other"), text + ".")


def test_the_hash_is_the_same_on_every_machine() -> None:
    assert score_of_text(PROMPT, "hello") == 0.743655851150006


async def test_outcome_scores_come_in_order_with_words_as_tokens() -> None:
    scores = await ScriptedOutcomeScorer("o").score(PROMPT, ["a [score=1]", "b [score=0]"])
    assert scores.values == (1.0, 0.0)
    assert scores.tokens == 4


async def test_steps_are_scored_by_the_answer_up_to_them() -> None:
    scores = await ScriptedStepScorer("s").score(PROMPT, [["a [score=1]\n", "b [score=0]\n", "c"], ["c"]])
    assert scores.values[0] == (1.0, 0.0, score_of_text(PROMPT, "a [score=1]\nb [score=0]\nc"))
    assert scores.values[1] == (score_of_text(PROMPT, "c"),)


async def test_a_rule_of_ones_own_replaces_the_marks() -> None:
    scorer = ScriptedOutcomeScorer("o", rule=lambda prompt, text: float(len(text)))
    assert (await scorer.score(PROMPT, ["abc [score=9]"])).values == (13.0,)


async def test_faults() -> None:
    texts, answers = ["a", "b"], [["a\n", "b"], ["c"]]
    for failing in (ScriptedOutcomeScorer("x", fault="raise").score(PROMPT, texts),
                    ScriptedStepScorer("x", fault="raise").score(PROMPT, answers)):  # fmt: skip
        with pytest.raises(ScorerFailed) as failure:
            await failing
        assert failure.value.scorer == "x"
    assert math.isnan((await ScriptedOutcomeScorer("x", fault="nan").score(PROMPT, texts)).values[0] or 0)
    assert math.isnan(
        ((await ScriptedStepScorer("x", fault="nan").score(PROMPT, answers)).values[0] or (0,))[0]
    )
    assert len((await ScriptedOutcomeScorer("x", fault="short").score(PROMPT, texts)).values) == 1
    assert len((await ScriptedStepScorer("x", fault="short").score(PROMPT, answers)).values[0] or ()) == 1


async def test_a_slow_scorer_can_be_cancelled() -> None:
    slow = ScriptedOutcomeScorer("x", fault="slow", delay_s=60)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(slow.score(PROMPT, ["a"]), 0.01)
