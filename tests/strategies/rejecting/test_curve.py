"""The curve by hand, and against early rejection itself in shadow."""

import math
import random

import pytest

from service.engine.scripted_engine import ScriptedEngine
from strategies.base.types import Message, Prompt
from strategies.early_rejection import EarlyRejection
from strategies.rejecting.curve import Point, Trace, curve, rejected, winner
from tests.strategies.rejecting.scorers import RuleScorer


def test_a_point_by_hand() -> None:
    prompts = [
        [Trace({4: 0.9}, 10, 0.2), Trace({4: 0.1}, 20, 0.8), Trace({}, 3, 0.1)],
        [Trace({4: 0.7}, 10, 0.9), Trace({4: 0.3}, 30, 0.4)],
    ]
    lost, safe = curve(prompts, [4], [0.5, 1.0])
    assert (lost.lost, lost.saved, lost.prompts) == (0.5, (16 + 26) / 73, 2)
    assert lost.correlation == pytest.approx(-0.14 / math.sqrt(0.4 * 0.3275))
    assert (safe.lost, safe.saved) == (0, 0)


def test_prompts_without_a_winner_do_not_count() -> None:
    nothing = [Trace({1: 0.5}, 5, None), Trace({1: math.nan}, 5, 0.9, is_valid=False)]
    assert winner(nothing) is None
    assert curve([nothing], [1], [0.5]) == [Point(1, 0.5, 0, 0, None, 0)]
    assert rejected([Trace({}, 2, 0.1)], 4, 0.5) == []


async def test_agrees_with_a_shadow_of_the_strategy() -> None:
    """The same checkpoint over the same answers: the winner is lost in one where it is lost in the other."""

    def script(prompt: Prompt, index: int) -> str:
        rng = random.Random(f"{prompt.messages[0].content}/{index}")
        return " ".join(rng.choice("abc") for _ in range(rng.randint(1, 12)))

    def score(text: str) -> float:
        return random.Random(text).random()

    plan = EarlyRejection(beams=6, scope="response", tau=4, keep=0.5, shadow=True)
    traces, lost, saved = [], 0, 0
    for asked in map(str, range(40)):
        prompt = Prompt((Message("user", asked),))
        outcome = await plan.run(prompt, ScriptedEngine(script=script), RuleScorer(score))
        lost += bool(outcome.details["winner_lost"])
        saved += int(str(outcome.details["tokens_saved"]))
        texts = [script(prompt, i).split() for i in range(6)]
        traces.append(
            [
                Trace({4: score(" ".join(t[:4]))} if len(t) > 4 else {}, len(t), score(" ".join(t)))
                for t in texts
            ]
        )
    (point,) = curve(traces, [4], [0.5])
    assert point.lost == lost / 40
    assert point.saved == pytest.approx(saved / sum(trace.tokens for row in traces for trace in row))
