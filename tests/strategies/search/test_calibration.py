"""The curve by hand, against a slow reference, and against early rejection itself in shadow and in earnest."""

import math
import random
from random import Random

import pytest

from service.engine.scripted.engine import ScriptedEngine
from strategies.base.types import Message, Prompt
from strategies.early_rejection import EarlyRejection
from strategies.search.calibration import Point, Trace, calibrated, curve, rejected, winner
from tests.random_cases import random_cases, several
from tests.strategies.search.scorers import RuleScorer


def test_a_point_by_hand() -> None:
    prompts = [
        [Trace({4: 0.9}, 10, 0.2), Trace({4: 0.1}, 20, 0.8), Trace({}, 3, 0.1)],
        [Trace({4: 0.7}, 10, 0.9), Trace({4: 0.3}, 30, 0.4)],
    ]
    lost, safe = curve(prompts, [(4,)], [0.5, 1.0])
    assert (lost.lost, lost.changed, lost.saved, lost.prompts) == (0.5, 0.5, (16 + 26) / 73, 2)
    assert lost.correlation == pytest.approx(-0.14 / math.sqrt(0.4 * 0.3275))
    assert (safe.lost, safe.changed, safe.saved) == (0, 0, 0)


def test_a_second_checkpoint_judges_only_those_that_the_first_kept() -> None:
    traces = [
        Trace({2: 0.1, 5: 0.9}, 8, 0.9),
        Trace({2: 0.8, 5: 0.2}, 8, 0.3),
        Trace({2: 0.7, 5: 0.4}, 8, 0.5),
        Trace({2: 0.2, 5: 0.8}, 8, 0.4),
    ]
    assert rejected(traces, (2, 5), 0.5) == {0: 2, 3: 2, 1: 5}
    (point,) = curve([traces], [(2, 5)], [0.5])
    assert point.saved == (6 + 6 + 3) / 32


def test_losing_one_of_equal_answers_changes_nothing_and_an_unstated_one_is_equal_to_none() -> None:
    def of(answers: list[str | None]) -> float:
        first = Trace({1: 0.1}, 5, 0.9, answer=answers[0])
        second = Trace({1: 0.9}, 5, 0.8, answer=answers[1])
        (point,) = curve([[first, second]], [(1,)], [0.5])
        assert point.lost == 1
        return point.changed

    assert of(["7", "7"]) == 0
    assert of(["7", "8"]) == of([None, "8"]) == of(["7", None]) == of([None, None]) == 1


def test_prompts_without_a_winner_do_not_count() -> None:
    nothing = [Trace({1: 0.5}, 5, None), Trace({1: math.nan}, 5, 0.9, is_valid=False)]
    assert winner(nothing) is None
    assert curve([nothing], [(1,)], [0.5]) == [Point((1,), 0.5, 0, 0, 0, None, 0)]
    assert rejected([Trace({}, 2, 0.1)], (4,), 0.5) == {}


def _score(rng: Random) -> float | None:
    return rng.choice([None, math.nan, 0.0, 1.0, 2.0, 3.0])


def _answer(rng: Random) -> tuple[float | None, float | None, float | None, int, bool]:
    return _score(rng), _score(rng), _score(rng), rng.randint(1, 9), rng.random() < 0.8


@random_cases(lambda rng: (several(rng, _answer, 1, 8), rng.choice([0.1, 0.25, 0.5, 1.0])))
def test_agrees_with_a_slow_reference(
    rows: list[tuple[float | None, float | None, float | None, int, bool]], keep: float
) -> None:
    traces = [
        Trace({t: s for t, s in ((2, a), (5, b)) if t < tokens}, tokens, final, is_valid)
        for a, b, final, tokens, is_valid in rows
    ]
    alive = dict(enumerate(traces))
    gone: dict[int, int] = {}
    for tau in (2, 5):
        rivals = [i for i in alive if alive[i].tokens > tau]
        numbers = {i: s for i in rivals if (s := traces[i].partial[tau]) is not None and not math.isnan(s)}
        if not numbers:
            continue
        places = max(1, int(len(rivals) * keep + 1e-6))
        while len(rivals) > places:
            worst = min(rivals, key=lambda i: (i in numbers, numbers.get(i, 0.0), -i))
            rivals.remove(worst)
            del alive[worst]
            gone[worst] = tau
    assert rejected(traces, (2, 5), keep) == gone


def point(saved: float, changed: float, keep: float = 0.5) -> Point:
    return Point((4,), keep, changed, changed, saved, None, 10)


def test_calibrated_saves_most_of_what_is_allowed() -> None:
    points = [point(0.2, 0), point(0.4, 0.1), point(0.6, 0.2)]
    assert calibrated(points, 0.1) == points[1]
    assert calibrated(points, 0.09) == points[0]
    assert calibrated(points[1:], 0.05) is None
    assert calibrated([point(0.4, 0.1), point(0.4, 0.0), point(0.4, 0.0, 0.25)], 0.1) == point(0.4, 0.0)


def script(prompt: Prompt, index: int) -> str:
    rng = random.Random(f"{prompt.messages[0].content}/{index}")
    return " ".join(rng.choice("abc") for _ in range(rng.randint(1, 12)))


def score(text: str) -> float:
    return random.Random(text).random()


def traced(prompt: Prompt, taus: tuple[int, ...]) -> list[Trace]:
    texts = [script(prompt, i).split() for i in range(6)]
    return [
        Trace({t: score(" ".join(w[:t])) for t in taus if len(w) > t}, len(w), score(" ".join(w)))
        for w in texts
    ]


async def test_agrees_with_a_shadow_of_the_strategy() -> None:
    """The same checkpoint over the same answers: the winner is lost in one where it is lost in the other."""
    plan = EarlyRejection(beams=6, scope="response", tau=4, keep_ratio=0.5, shadow=True)
    traces, lost, saved = [], 0, 0
    for asked in map(str, range(40)):
        prompt = Prompt((Message("user", asked),))
        outcome = await plan.run(prompt, ScriptedEngine(script=script), RuleScorer(score))
        lost += bool(outcome.details["winner_lost"])
        saved += int(str(outcome.details["tokens_saved"]))
        traces.append(traced(prompt, (4,)))
    (point,) = curve(traces, [(4,)], [0.5])
    assert point.lost == lost / 40
    assert point.saved == pytest.approx(saved / sum(trace.tokens for row in traces for trace in row))


async def test_agrees_with_the_strategy_at_two_checkpoints() -> None:
    """What the curve says would be rejected is what is rejected, at the tokens it says."""
    plan = EarlyRejection(beams=6, scope="response", checkpoints=[3, 6], keep_ratio=0.5)
    several = 0
    for asked in map(str, range(60)):
        prompt = Prompt((Message("user", asked),))
        outcome = await plan.run(prompt, ScriptedEngine(script=script), RuleScorer(score))
        found = {
            i: verdict.rejected_at.tokens
            for i, verdict in enumerate(outcome.verdicts)
            if verdict.rejected_at is not None
        }
        assert rejected(traced(prompt, (3, 6)), (3, 6), 0.5) == found
        several += len(set(found.values())) > 1
    assert several > 10
