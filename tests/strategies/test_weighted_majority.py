"""Weighted majority: the pure selection against a slow reference, and the whole strategy on a scripted engine."""

import math
from collections.abc import Callable
from fractions import Fraction
from random import Random

import pytest

from service.engine.scripted.engine import ScriptedEngine
from strategies.answers.voting_strategy import exact_ballot
from strategies.base.errors import ScorerFailed
from strategies.base.types import Message, Outcome, Prompt, Score
from strategies.weighted_majority import Weight, WeightedMajority, select, weight_of
from tests.random_cases import random_cases, several
from tests.strategies.conftest import Table, candidate

PROMPT = Prompt((Message("user", "1 + 1?"),))


def chosen(rows: list[tuple[str, float | None]], k: int = 1) -> Outcome:
    drawn = [candidate(i, f"The answer is {answer}.") for i, (answer, _) in enumerate(rows)]
    return select(drawn, [Score(score) for _, score in rows], exact_ballot(drawn), k)


def test_the_heaviest_answer_wins_and_its_best_member_represents_it() -> None:
    outcome = chosen([("1", 0.9), ("2", 0.4), ("2", 0.6), ("3", 0.1)])
    assert outcome.selected == (2,)
    assert [(v.answer, v.count, v.reward) for v in outcome.votes] == [
        ("2", 2, 1.0),
        ("1", 1, 0.9),
        ("3", 1, 0.1),
    ]


def test_many_light_votes_lose_to_a_heavy_one() -> None:
    assert chosen([("1", 0.1), ("1", 0.1), ("1", 0.1), ("2", 0.9)]).selected == (3,)


def test_without_a_score_above_zero_it_is_the_majority() -> None:
    outcome = chosen([("1", -0.1), ("2", -5.0), ("2", -9.0)])
    assert (outcome.selected, outcome.tie) == ((1,), "group_size")


def test_a_group_without_any_score_never_wins() -> None:
    assert chosen([("1", None), ("1", math.nan), ("2", -5.0)]).selected == (2,)


@pytest.mark.parametrize(
    ("score", "weights"),
    [
        (0.0, (0.0, 0.5, 1.0)),
        (-1000.0, (0.0, 0.0, 0.0)),
        (1000.0, (1000.0, 1.0, 1.0)),
        (math.log(3), (math.log(3), 0.75, 1.0)),
        (None, (None, None, None)),
        (math.nan, (None, None, None)),
    ],
)
def test_weights(score: float | None, weights: tuple[float | None, ...]) -> None:
    for got, expected in zip(
        (weight_of(score, w) for w in ("score", "sigmoid", "exp")), weights, strict=True
    ):
        assert got == (None if expected is None else pytest.approx(expected))


def _row(rng: Random) -> tuple[str, float | None]:
    return rng.choice("123"), rng.choice([None, math.nan, -1.0, 0.0, 0.25, 0.5, 0.5, 1.0])


@random_cases(lambda rng: (several(rng, _row, 1, 10), rng.randint(1, 5)))
def test_agrees_with_adding_up_by_hand(rows: list[tuple[str, float | None]], k: int) -> None:
    left = {answer for answer, _ in rows}
    expected: list[int] = []
    while left and len(expected) < k:
        best = max(left, key=lambda answer: _standing(rows, answer))
        left.remove(best)
        members = [i for i, (answer, _) in enumerate(rows) if answer == best]
        expected.append(max(members, key=lambda i: (*_number(rows[i][1]), -i)))
    assert list(chosen(rows, k).selected) == expected


def _standing(rows: list[tuple[str, float | None]], answer: str) -> tuple[bool, Fraction, int, int]:
    members = [i for i, row in enumerate(rows) if row[0] == answer]
    numbers = [_number(rows[i][1]) for i in members]
    weight = sum((max(value, Fraction(0)) for there, value in numbers if there), Fraction(0))
    return (any(there for there, _ in numbers), weight, len(members), -members[0])


def _number(score: float | None) -> tuple[bool, Fraction]:
    return (False, Fraction(0)) if score is None or score != score else (True, Fraction(score))


def _playing(*texts: str) -> ScriptedEngine:
    return ScriptedEngine(script=lambda prompt, index: texts[index])


async def test_prefers_a_step_scorer_and_adds_its_scores_up(table: Table) -> None:
    texts = ("The answer is 1.", "The answer is 2. So", "The answer is 2.")
    table.steps = {texts[0]: (0.7,), texts[1]: (0.4,), texts[2]: (0.5,)}
    outcome = await WeightedMajority(n=3).run(PROMPT, _playing(*texts), table)
    assert outcome.selected == (2,)
    assert outcome.votes[0].reward == pytest.approx(0.9)


async def test_raw_logits_count_as_probabilities_on_request(table: Table) -> None:
    texts = ("The answer is 1.", "The answer is 2. So", "The answer is 2.")
    table.outcomes = {texts[0]: 4.0, texts[1]: 1.0, texts[2]: 1.5}
    as_they_are = await WeightedMajority(n=3, scorer="outcome").run(PROMPT, _playing(*texts), table)
    logistic = await WeightedMajority(n=3, scorer="outcome", weight="sigmoid").run(
        PROMPT, _playing(*texts), table
    )
    assert (as_they_are.selected, logistic.selected) == ((0,), (2,))


@pytest.mark.parametrize(("instead", "selected"), [("majority", (1,)), ("logprob", (0,))])
async def test_a_failed_scorer_is_stood_in_for_when_asked(
    table: Table, broken: Callable[[], ScorerFailed], instead: str, selected: tuple[int, ...]
) -> None:
    # In the script a long word is improbable, so two such votes weigh less than one plain one.
    texts = ("so answer: 1", f"{'x' * 60} answer: 2", f"{'y' * 60} answer: 2")
    table.outcomes = {text: broken() for text in texts}
    strategy = WeightedMajority.model_validate({"n": 3, "scorer": "outcome", "on_scorer_error": instead})
    outcome = await strategy.run(PROMPT, _playing(*texts), table)
    assert (outcome.selected, outcome.degraded) == (selected, f"scorer_failed_{instead}")


async def test_a_failing_scorer_fails_the_request(table: Table, broken: Callable[[], ScorerFailed]) -> None:
    table.outcomes = {"a": broken(), "b": 0.9}
    with pytest.raises(ScorerFailed):
        await WeightedMajority(n=2, scorer="outcome").run(PROMPT, _playing("a", "b"), table)


@pytest.mark.parametrize(
    ("score", "weight", "expected"),
    [
        (0.0, "sigmoid", 0.5),
        (math.log(3), "sigmoid", 0.75),
        (-math.log(3), "sigmoid", 0.25),
        (-800.0, "sigmoid", 0.0),
        (800.0, "sigmoid", 1.0),
        (0.25, "score", 0.25),
        (-1.0, "score", 0.0),
        (-math.log(2), "exp", 0.5),
        (3.0, "exp", 1.0),
    ],
)
def test_weights_by_hand(score: float, weight: Weight, expected: float) -> None:
    assert weight_of(score, weight) == pytest.approx(expected)
