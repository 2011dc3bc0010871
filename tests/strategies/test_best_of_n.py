"""Best-of-N: the pure selection against a slow reference, and the whole strategy on a scripted engine."""

import asyncio
import math
from collections.abc import Callable
from fractions import Fraction
from random import Random

import pytest
from pydantic import ValidationError

from service.engine.scripted.engine import ScriptedEngine
from service.engine.scripted.script import FAIL
from strategies.answers.extract import extract
from strategies.answers.groups import Reward, grouped
from strategies.answers.voting_strategy import exact_ballot
from strategies.base.errors import NotFound, ScorerFailed
from strategies.base.types import Candidate, Decoding, Message, Prompt, Score
from strategies.best_of_n import BestOfN, select
from strategies.selection.best_answers import best_answers
from tests.random_cases import random_cases, several
from tests.strategies.conftest import Table, candidate

PROMPT = Prompt((Message("user", "1 + 1?"),))
Given = list[tuple[str | None, float | None]]
"""Answers and scores, in the order of the candidates."""


def test_the_highest_score_is_selected_and_the_rest_are_kept() -> None:
    outcome = select([candidate(i, f"{i}") for i in range(3)], [Score(0.1), Score(0.7), Score(0.3)], 1)
    assert outcome.selected == (1,)
    assert [verdict.fate for verdict in outcome.verdicts] == ["kept", "selected", "kept"]
    assert outcome.degraded is None


def test_k_candidates_come_best_first() -> None:
    assert select([candidate(i) for i in range(4)], [Score(x) for x in (0.1, 0.9, 0.5, 0.7)], 3).selected == (
        1,
        3,
        2,
    )


def test_fewer_valid_than_k_returns_fewer() -> None:
    outcome = select([candidate(0), candidate(1, "cut", "length")], [Score(0.1), Score(0.9)], 2)
    assert outcome.selected == (0,)
    assert outcome.verdicts[1].fate == "invalid"


def test_without_a_valid_candidate_the_best_cut_off_one_is_returned_and_flagged() -> None:
    outcome = select([candidate(0, "a", "length"), candidate(1, "b", "length")], [Score(0.1), Score(0.9)], 1)
    assert outcome.selected == (1,)
    assert outcome.degraded == "no_valid_candidate"


def test_failed_candidates_are_never_returned() -> None:
    outcome = select([candidate(0, "", "error")], [Score()], 1)
    assert outcome.selected == ()
    assert outcome.verdicts[0].fate == "failed"


def test_votes_and_groups_are_reported() -> None:
    outcome = select([candidate(i, f"The answer is {a}.") for i, a in enumerate("5575")], [Score(0.5)] * 4, 1)
    assert [(vote.answer, vote.count) for vote in outcome.votes] == [("5", 3), ("7", 1)]
    assert outcome.tie == "index"
    assert [verdict.group for verdict in outcome.verdicts] == [0, 0, 1, 0]


def _drawn(rng: Random) -> tuple[str, str, float | None]:
    text = rng.choice(["", "The answer is 1.", "The answer is 2.", "The answer is 3.", "none"])
    reason = rng.choice(["stop", "stop", "stop", "length", "error"])
    return text, reason, rng.choice([None, math.nan, -1.0, 0.0, 0.5, 0.5, 1.0])


@random_cases(lambda rng: (several(rng, _drawn, 1, 10), rng.randint(1, 12)))
def test_agrees_with_taking_the_best_one_at_a_time(
    drawn: list[tuple[str, str, float | None]], k: int
) -> None:
    candidates = [candidate(i, text, reason) for i, (text, reason, _) in enumerate(drawn)]
    scores = [Score(score) for _, _, score in drawn]
    assert list(select(candidates, scores, k).selected) == _slow_best(
        candidates, [s.value for s in scores], k
    )


def _slow_best(candidates: list[Candidate], scores: list[float | None], k: int) -> list[int]:
    """The rule in prose: look through everything that is left for something better, again and again."""
    fine = [i for i, c in enumerate(candidates) if c.finish_reason == "stop" and c.text.strip()]
    left = fine or [i for i, c in enumerate(candidates) if c.finish_reason != "error" and c.text.strip()]
    if not fine:
        left += [i for i, c in enumerate(candidates) if c.finish_reason != "error" and not c.text.strip()]
    answers = [extract(c.text) if i in fine else None for i, c in enumerate(candidates)]
    chosen: list[int] = []
    while left and len(chosen) < k:
        best = left[0]
        for i in left[1:]:
            if _better(i, best, candidates, scores, answers):
                best = i
        left.remove(best)
        chosen.append(best)
    return chosen


def _better(
    a: int, b: int, candidates: list[Candidate], scores: list[float | None], answers: list[str | None]
) -> bool:
    if bool(candidates[a].text.strip()) != bool(candidates[b].text.strip()):
        return bool(candidates[a].text.strip())
    numbers = [None if s is None or math.isnan(s) else s for s in (scores[a], scores[b])]
    if numbers[0] != numbers[1]:
        return numbers[1] is None or (numbers[0] is not None and numbers[0] > numbers[1])
    sizes = [0 if answers[i] is None else answers.count(answers[i]) for i in (a, b)]
    return sizes[0] > sizes[1] or (sizes[0] == sizes[1] and a < b)


def by_answer(given: Given, how: Reward, k: int) -> list[int]:
    drawn = [candidate(i, f"The answer is {a}." if a else "...") for i, (a, _) in enumerate(given)]
    ballot, scores = exact_ballot(drawn), [Score(score) for _, score in given]
    groups = grouped(ballot.groups, [score.value for score in scores], how)
    return list(best_answers(drawn, scores, ballot, groups, k).selected)


def test_by_answer_the_mean_of_a_group_counts_and_its_best_member_is_returned() -> None:
    given: Given = [("1", 0.9), ("1", 0.1), ("2", 0.6), (None, 1.0), ("1", 0.3)]
    assert by_answer(given, "mean", 2) == [2, 0]
    assert by_answer(given, "sum", 2) == [0, 2]
    assert by_answer(given, "max", 5) == [0, 2]


def _given(rng: Random) -> tuple[str | None, float | None]:
    score = rng.choice([None, math.nan, -1.0, 0.0, 0.25, 0.5, 0.5, 1.0])
    return rng.choice([None, "1", "2", "3"]), score


@random_cases(
    lambda rng: (several(rng, _given, 1, 10), rng.choice(["mean", "sum", "max"]), rng.randint(1, 12))
)
def test_by_answer_agrees_with_going_through_the_answers_one_at_a_time(
    given: Given, how: Reward, k: int
) -> None:
    assert by_answer(given, how, k) == _slow_by_answer(given, how, k)


def _slow_by_answer(rows: list[tuple[str | None, float | None]], how: Reward, k: int) -> list[int]:
    """The rule in prose: the best answer left, its best member; without any answer, the responses themselves."""
    key = [str(i) if all(a is None for a, _ in rows) else a for i, (a, _) in enumerate(rows)]
    left = list(dict.fromkeys(a for a in key if a is not None))
    chosen: list[int] = []
    while left and len(chosen) < k:
        best = left[0]
        for answer in left[1:]:
            if _standing(rows, key, answer, how) > _standing(rows, key, best, how):
                best = answer
        left.remove(best)
        members = [i for i, a in enumerate(key) if a == best]
        chosen.append(
            max(members, key=lambda i: (_number(rows[i][1]) is not None, _number(rows[i][1]) or 0.0, -i))
        )
    return chosen


def _standing(
    rows: list[tuple[str | None, float | None]], key: list[str | None], answer: str, how: Reward
) -> tuple[bool, float, int, int]:
    members = [i for i, a in enumerate(key) if a == answer]
    numbers = [x for x in (_number(rows[i][1]) for i in members) if x is not None]
    if not numbers:
        return (False, 0.0, len(members), -members[0])
    total = float(sum(map(Fraction, numbers)))
    reward = {"mean": total / len(numbers), "sum": total, "max": max(numbers)}[how]
    return (True, reward, len(members), -members[0])


def _number(score: float | None) -> float | None:
    return None if score is None or math.isnan(score) else score


async def test_distinct_answers_are_ranked_by_their_groups_on_request(table: Table) -> None:
    texts = ("Way 1: answer: 1", "Way 2: answer: 1", "answer: 2")
    table.outcomes = dict(zip(texts, (0.9, 0.1, 0.6), strict=True))
    prompt = Prompt(PROMPT.messages, k=3)
    outcome = await BestOfN(n=3, per="answer").run(prompt, _playing(*texts), table)
    assert outcome.selected == (2, 0)
    assert [(vote.answer, vote.reward) for vote in outcome.votes] == [("1", 0.5), ("2", 0.6)]


def test_a_group_reward_without_groups_is_refused() -> None:
    with pytest.raises(ValidationError, match="goes with per: answer"):
        BestOfN.model_validate({"group_reward": "sum"})


def _playing(*texts: str) -> ScriptedEngine:
    return ScriptedEngine(script=lambda prompt, index: texts[index])


async def test_draws_scores_and_selects(table: Table) -> None:
    table.outcomes = {"a": 0.1, "b": 0.9, "c": 0.4}
    outcome = await BestOfN(n=3).run(PROMPT, _playing("a", "b", "c"), table)
    assert [c.text for c in outcome.answers] == ["b"]
    assert [verdict.score.value for verdict in outcome.verdicts] == [0.1, 0.9, 0.4]


async def test_identical_candidates_are_scored_once(table: Table) -> None:
    table.outcomes = {"a": 0.1, "b": 0.9}
    outcome = await BestOfN(n=4).run(PROMPT, _playing("a", "b", "a", "b"), table)
    assert sorted(table.asked) == ["a", "b"]
    assert outcome.selected == (1,)


async def test_only_valid_candidates_are_scored_while_there_are_any(table: Table) -> None:
    table.outcomes = {"fine": 0.1}
    outcome = await BestOfN(n=3).run(PROMPT, _playing("fine", "", FAIL), table)
    assert table.asked == ["fine"]
    assert [verdict.fate for verdict in outcome.verdicts] == ["selected", "invalid", "failed"]


async def test_cut_off_candidates_are_scored_where_none_is_valid(table: Table) -> None:
    table.outcomes = {"a b": 0.1, "c d": 0.9}
    prompt = Prompt(PROMPT.messages, decoding=Decoding(max_tokens=2))
    outcome = await BestOfN(n=2).run(prompt, _playing("a b x", "c d x"), table)
    assert outcome.selected == (1,)
    assert outcome.degraded == "no_valid_candidate"


async def test_step_scores_are_aggregated(table: Table) -> None:
    table.steps = {"a\nb": (0.9, 0.2), "c\nd": (0.5, 0.4)}
    low = await BestOfN(n=2, scorer="step", aggregation="min").run(PROMPT, _playing("a\nb", "c\nd"), table)
    high = await BestOfN(n=2, scorer="step", aggregation="max").run(PROMPT, _playing("a\nb", "c\nd"), table)
    assert (low.selected, high.selected) == ((1,), (0,))
    assert low.verdicts[0].score == Score(0.2, (0.9, 0.2))


async def test_brought_scores_are_used_as_they_are(table: Table) -> None:
    drawn = [candidate(0, "same", score=Score(0.1)), candidate(1, "same", score=Score(None, (0.3, 0.8)))]
    outcome = select(drawn, [Score(0.1), Score(0.3, (0.3, 0.8))], 1)
    assert outcome.selected == (1,)
    assert table.asked == []


async def test_a_failing_scorer_fails_the_request(table: Table, broken: Callable[[], ScorerFailed]) -> None:
    table.outcomes = {"a": broken(), "b": 0.9}
    engine = _playing("a", "b")
    with pytest.raises(ScorerFailed, match="on fire"):
        await BestOfN(n=2).run(PROMPT, engine, table)
    assert engine.unfinished == 0


async def test_majority_stands_in_for_a_failed_scorer_when_asked(
    table: Table, broken: Callable[[], ScorerFailed]
) -> None:
    texts = ("The answer is 1.", "The answer is 2.", "The answer is 2. Yes.")
    table.outcomes = {text: broken() for text in texts}
    outcome = await BestOfN(n=3, on_scorer_error="majority").run(PROMPT, _playing(*texts), table)
    assert outcome.selected == (1,)
    assert outcome.degraded == "scorer_failed_majority"


async def test_log_probability_stands_in_for_a_failed_scorer_when_asked(
    table: Table, broken: Callable[[], ScorerFailed]
) -> None:
    texts = ("extraordinarily", "ok", "middling")
    table.outcomes = {text: broken() for text in texts}
    outcome = await BestOfN(n=3, on_scorer_error="logprob").run(PROMPT, _playing(*texts), table)
    assert outcome.selected == (1,)
    assert outcome.degraded == "scorer_failed_logprob"


async def test_an_unknown_scorer_is_refused_before_anything_is_drawn(table: Table) -> None:
    engine = _playing("a")
    with pytest.raises(NotFound):
        await BestOfN(n=1, scorer="nobody").run(PROMPT, engine, table)
    assert engine.generation_tokens == 0


async def test_cancelling_stops_the_draw(table: Table) -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "word " * 50, token_s=0.01)
    task = asyncio.create_task(BestOfN(n=4).run(PROMPT, engine, table))
    await asyncio.sleep(0.05)
    assert engine.unfinished == 4
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert engine.unfinished == 0


def scored(values: list[float]) -> tuple[ScriptedEngine, Table]:
    """An engine whose candidate i says i, and a scorer that knows what each is worth."""
    engine = ScriptedEngine(script=lambda prompt, index: f"I say {index}")
    return engine, Table(outcomes={f"I say {i}": value for i, value in enumerate(values)})


async def test_a_draw_stops_once_one_more_is_not_worth_its_price() -> None:
    engine, table = scored([0.5, 0.5, 0.5, 0.5, 9.0, 9.0, 9.0, 9.0])
    outcome = await BestOfN(n=8, stop="improvement", price=0.01).run(PROMPT, engine, table)
    assert outcome.details == {"stopped_early": 4, "expected_improvement": 0.0}
    assert (len(outcome.verdicts), outcome.selected, engine.unfinished) == (4, (0,), 0)


async def test_a_draw_goes_on_while_the_scores_may_still_rise() -> None:
    engine, table = scored([0.0, 4.0, 8.0, 2.0, 1.0, 9.0])
    outcome = await BestOfN(n=6, stop="improvement", price=0.01, wave=2).run(PROMPT, engine, table)
    assert (outcome.details, outcome.selected) == ({}, (5,))
    assert sorted(table.asked) == sorted(table.outcomes)


async def test_a_scorer_that_fails_in_a_wave_follows_the_policy(broken: Callable[[], ScorerFailed]) -> None:
    engine, table = scored([1.0] * 8)
    table.outcomes["I say 2"] = broken()
    with pytest.raises(ScorerFailed):
        await BestOfN(n=8, stop="improvement").run(PROMPT, engine, table)
    outcome = await BestOfN(n=8, stop="improvement", on_scorer_error="majority").run(PROMPT, engine, table)
    assert outcome.degraded == "scorer_failed_majority"
    assert engine.unfinished == 0


@pytest.mark.parametrize("fields", [{"price": 0.1}, {"wave": 2}, {"stop": "improvement", "wave": 0}])
def test_what_goes_with_the_stop_goes_with_nothing_else(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BestOfN.model_validate(fields)
