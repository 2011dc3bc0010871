"""Best-of-Majority: gate and selection against a slow reference, and what is scored and what is not."""

import asyncio
import math
from collections.abc import Callable
from fractions import Fraction
from random import Random

import pytest

from service.engine.scripted.engine import ScriptedEngine
from strategies.answers.answer_format import AnswerForm
from strategies.answers.groups import Reward, grouped
from strategies.answers.voting_strategy import exact_ballot
from strategies.base.errors import ScorerFailed
from strategies.base.types import Message, Outcome, Prompt, Score
from strategies.best_of_majority import BestOfMajority, gated, select, threshold
from tests.random_cases import random_cases, several
from tests.service.fixtures import until
from tests.strategies.answers.test_equivalence import Told
from tests.strategies.conftest import Table, candidate

PROMPT = Prompt((Message("user", "1 + 1?"),))
Rows = list[tuple[str | None, float | None]]


def chosen(rows: Rows, k: int = 1, bar: int = 2, fill: bool = False, reward: Reward = "mean") -> Outcome:
    drawn = [candidate(i, f"The answer is {a}." if a else "...") for i, (a, _) in enumerate(rows)]
    ballot = exact_ballot(drawn)
    gate = gated(grouped(ballot.groups, [None] * len(rows)), bar, k if fill else 1)
    return select(drawn, [Score(score) for _, score in rows], ballot, gate, k, reward)


ROWS: Rows = [("1", 0.2), ("2", 0.5), ("1", 0.4), ("3", 0.9), ("2", 0.3), ("2", 0.7), ("4", 0.8)]


@pytest.mark.parametrize(
    ("k", "bar", "fill", "selected", "degraded"),
    [
        (1, 2, False, (5,), None),
        (3, 2, False, (5, 2), None),
        (3, 2, True, (5, 2, 3), None),
        (4, 3, True, (5, 2, 3, 6), None),
        (1, 1, False, (3,), None),
        (1, 4, False, (5,), "threshold_relaxed"),
        (2, 4, True, (5, 2), "threshold_relaxed"),
    ],
)
def test_worked_examples(
    k: int, bar: int, fill: bool, selected: tuple[int, ...], degraded: str | None
) -> None:
    outcome = chosen(ROWS, k, bar, fill)
    assert (outcome.selected, outcome.degraded) == (selected, degraded)


def test_the_reward_of_a_group_is_the_mean_unless_asked_otherwise() -> None:
    rows: Rows = [("1", 0.9), ("1", 0.1), ("2", 0.6), ("2", 0.6), ("3", 0.4), ("3", 0.4), ("3", 0.5)]
    assert chosen(rows).selected == (2,)
    assert chosen(rows, reward="max").selected == (0,)
    assert chosen(rows, reward="sum").selected == (6,)


def test_an_empty_gate_is_widened_to_the_largest_groups() -> None:
    outcome = chosen([("1", 0.1), ("2", 0.9), ("3", 0.5)])
    assert (outcome.selected, outcome.degraded) == ((1,), "threshold_relaxed")
    assert outcome.details == {"bar": 2, "survivors": 0}


def test_what_passed_is_told() -> None:
    outcome = chosen(ROWS)
    assert outcome.details == {"bar": 2, "survivors": 2}
    assert [(v.answer, v.count, v.reward is None) for v in outcome.votes] == [
        ("2", 3, False),
        ("1", 2, False),
        ("3", 1, True),
        ("4", 1, True),
    ]


def test_without_any_answer_the_best_response_is_returned_and_flagged() -> None:
    outcome = chosen([(None, 0.1), (None, 0.9)])
    assert (outcome.selected, outcome.degraded) == ((1,), "no_answer")


@pytest.mark.parametrize(
    ("drawn", "alpha", "min_count", "needed"),
    [
        (500, 0.005, 2, 3),
        (1000, 0.005, 2, 5),
        (2000, 0.005, 2, 10),
        (200, 0.005, 2, 2),
        (200, 0.005, 1, 1),
        (100, 0.015, 2, 2),
        (100, 0.07, 1, 7),
        (100, 0.0, 1, 1),
        (8, 1.0, 1, 8),
        (8, 0.3, 1, 3),
        (0, 0.5, 2, 2),
    ],
)
def test_threshold(drawn: int, alpha: float, min_count: int, needed: int) -> None:
    """The first three are the papers' own; 0.07 * 100 is more than 7 in floating point."""
    assert threshold(drawn, alpha, min_count) == needed


def _close_to_the_gate(rng: Random) -> tuple[int, int, int]:
    """Candidates drawn, the share in thousandths, and a count that lies at or beside it as often as anywhere."""
    drawn, thousandths = (
        rng.choice([0, 1, 2, rng.randint(0, 3000)]),
        rng.choice([0, 5, 1000, rng.randint(0, 1000)]),
    )
    beside = max(0, drawn * thousandths // 1000 + rng.randint(-1, 1))
    return drawn, thousandths, rng.choice([beside, rng.randint(0, 3000)])


@random_cases(_close_to_the_gate)
def test_the_gate_is_the_papers_share(drawn: int, thousandths: int, count: int) -> None:
    needed = threshold(drawn, thousandths / 1000, 1)
    share = drawn > 0 and Fraction(count, drawn) >= Fraction(thousandths, 1000)
    assert (count >= needed) == (count >= 1 and (share or drawn == 0))


def _row(rng: Random) -> tuple[str | None, float | None]:
    score = rng.choice([None, math.nan, -1.0, 0.0, 0.25, 0.5, 0.5, 1.0])
    return rng.choice([None, "1", "2", "3", "4", "5"]), score


def _request(rng: Random) -> tuple[Rows, int, int, bool, str]:
    drawn = several(rng, _row, 1, 12)
    return drawn, rng.randint(1, 7), rng.randint(1, 5), rng.random() < 0.5, rng.choice(["mean", "sum", "max"])


@random_cases(_request)
def test_agrees_with_the_rule_in_prose(rows: Rows, k: int, bar: int, fill: bool, reward: Reward) -> None:
    outcome = chosen(rows, k, bar, fill, reward)
    assert (list(outcome.selected), outcome.degraded) == _slow(rows, k, bar, fill, reward)


def _slow(rows: Rows, k: int, bar: int, fill: bool, how: str) -> tuple[list[int], str | None]:
    """Walk through all the answers, again and again, for the next one to return."""
    answers = list(dict.fromkeys(answer for answer, _ in rows if answer is not None))
    if not answers:
        order = sorted(range(len(rows)), key=lambda i: (not _has(rows[i][1]), -_value(rows[i][1]), i))
        return order[:k], "no_answer"
    count = {a: sum(row[0] == a for row in rows) for a in answers}
    relaxed = all(count[a] < bar for a in answers)
    passing = [a for a in answers if count[a] >= bar or (relaxed and count[a] == max(count.values()))]
    best = _by_reward(passing, rows, how)
    if fill:
        for size in sorted(set(count.values()), reverse=True):
            best += _by_reward([a for a in answers if count[a] == size and a not in passing], rows, how)
    return [_best_member(rows, a) for a in best[:k]], "threshold_relaxed" if relaxed else None


def _by_reward(answers: list[str], rows: Rows, how: str) -> list[str]:
    def better(a: str) -> tuple[bool, Fraction, int, int]:
        members = [i for i, row in enumerate(rows) if row[0] == a]
        numbers = [_value(rows[i][1]) for i in members if _has(rows[i][1])]
        rewards = {
            "mean": lambda: sum(numbers, Fraction(0)) / len(numbers),
            "sum": lambda: sum(numbers, Fraction(0)),
            "max": lambda: max(numbers),
        }
        reward = rewards[how]() if numbers else Fraction(0)
        # Rounded as a reward is: a mean of thirds must tie with its neighbour where floats do.
        return (not numbers, -Fraction(float(reward)), -len(members), members[0])

    return sorted(answers, key=better)


def _best_member(rows: Rows, answer: str) -> int:
    members = [i for i, row in enumerate(rows) if row[0] == answer]
    return max(members, key=lambda i: (_has(rows[i][1]), _value(rows[i][1]), -i))


def _has(score: float | None) -> bool:
    return score is not None and score == score


def _value(score: float | None) -> Fraction:
    return Fraction(score) if score is not None and score == score else Fraction(0)


def _playing(*texts: str, token_s: float = 0.0) -> ScriptedEngine:
    return ScriptedEngine(script=lambda prompt, index: texts[index], token_s=token_s)


def _texts(*answers: str) -> list[str]:
    """Texts that differ, so that each would be scored."""
    return [f"Way {i}. The answer is {answer}." for i, answer in enumerate(answers)]


async def test_only_survivors_are_scored(table: Table) -> None:
    texts = _texts("1", "2", "1", "3", "2", "4")
    table.outcomes = dict(zip(texts, (0.2, 0.9, 0.4, 1.0, 0.3, 1.0), strict=True))
    outcome = await BestOfMajority(n=6).run(PROMPT, _playing(*texts), table)
    assert outcome.selected == (1,)
    assert sorted(table.asked) == sorted(texts[i] for i in (0, 1, 2, 4))
    assert [verdict.score.value for verdict in outcome.verdicts] == [0.2, 0.9, 0.4, None, 0.3, None]


async def test_what_is_filled_in_is_scored_too(table: Table) -> None:
    texts = _texts("1", "1", "2", "3")
    table.outcomes = dict(zip(texts, (0.2, 0.1, 0.3, 0.9), strict=True))
    prompt = Prompt(PROMPT.messages, k=2)
    outcome = await BestOfMajority(n=4, fill=True).run(prompt, _playing(*texts), table)
    assert outcome.selected == (0, 3)
    assert len(table.asked) == 4


async def test_without_an_answer_every_response_is_scored(table: Table) -> None:
    table.outcomes = {"no idea": 0.1, "none at all": 0.9}
    strategy = BestOfMajority(n=2, answer=AnswerForm(form="answer_is"))
    outcome = await strategy.run(PROMPT, _playing("no idea", "none at all"), table)
    assert (outcome.selected, outcome.degraded) == ((1,), "no_answer")


async def test_scoring_starts_as_soon_as_an_answer_is_sure_to_pass(table: Table) -> None:
    texts = ["The answer is 1.", "So, the answer is 1.", "so " * 50 + "The answer is 2."]
    table.outcomes = {texts[0]: 0.5, texts[1]: 0.6}
    running = asyncio.ensure_future(BestOfMajority(n=3).run(PROMPT, _playing(*texts, token_s=0.01), table))
    await until(lambda: len(table.asked) == 2)
    assert not running.done()
    assert (await running).selected == (1,)


async def test_mathematics_decides_what_passes(table: Table) -> None:
    texts = _texts("1/2", "3", "0.5", "4")
    table.equivalence = Told({frozenset(("1/2", "0.5"))})
    table.outcomes = dict.fromkeys(texts, 0.5)
    outcome = await BestOfMajority(n=4, equivalence="math").run(PROMPT, _playing(*texts), table)
    assert (outcome.selected, outcome.degraded) == ((0,), None)
    assert sorted(table.asked) == [texts[0], texts[2]]


@pytest.mark.parametrize("instead", ["majority", "logprob"])
async def test_a_failed_scorer_is_stood_in_for_when_asked(
    table: Table, broken: Callable[[], ScorerFailed], instead: str
) -> None:
    texts = _texts("1", "2", "2", "1", "2")
    table.outcomes = {text: broken() for text in texts}
    strategy = BestOfMajority.model_validate({"n": 5, "on_scorer_error": instead})
    outcome = await strategy.run(PROMPT, _playing(*texts), table)
    assert outcome.degraded == f"scorer_failed_{instead}"
    assert outcome.selected[0] in ((1,) if instead == "majority" else (0, 1, 2, 3, 4))


async def test_a_failing_scorer_fails_the_request(table: Table, broken: Callable[[], ScorerFailed]) -> None:
    texts = _texts("1", "1")
    table.outcomes = {text: broken() for text in texts}
    engine = _playing(*texts)
    with pytest.raises(ScorerFailed):
        await BestOfMajority(n=2).run(PROMPT, engine, table)
    assert engine.unfinished == 0


def test_given_candidates_are_all_counted() -> None:
    assert BestOfMajority(n=16).for_precomputed(2000).num_samples(1) == 2000


def test_a_filter_wants_one_answer_unless_told_otherwise() -> None:
    groups = grouped((0, 0, 0, 1, 2), [None] * 5)
    assert [len(gated(groups, 3).added), len(gated(groups, 3, 2).added)] == [0, 2]
