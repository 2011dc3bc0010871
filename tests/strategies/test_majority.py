"""Majority: the pure selection against a slow reference, and a draw that stops once the vote is decided."""

import asyncio
from itertools import permutations
from random import Random

import pytest

from service.engine.scripted.engine import ScriptedEngine
from service.engine.scripted.script import FAIL
from strategies.answers.extract import extract
from strategies.answers.voting_strategy import exact_ballot
from strategies.base.budget import Budget
from strategies.base.types import Candidate, Decoding, Message, Outcome, Prompt
from strategies.majority import Majority, select
from tests.random_cases import random_cases, several
from tests.strategies.answers.test_equivalence import Told
from tests.strategies.conftest import Table, candidate

PROMPT = Prompt((Message("user", "1 + 1?"),))


def chosen(*stated: str, k: int = 1) -> Outcome:
    drawn = [candidate(i, f"The answer is {answer}." if answer else "...") for i, answer in enumerate(stated)]
    return select(drawn, exact_ballot(drawn), k)


def test_the_largest_group_wins_and_its_first_member_represents_it() -> None:
    outcome = chosen("1", "2", "2.0", "3")
    assert outcome.selected == (1,)
    assert [(vote.answer, vote.count) for vote in outcome.votes] == [("2", 2), ("1", 1), ("3", 1)]
    assert outcome.tie is None


def test_of_equal_groups_the_one_that_appeared_first_wins() -> None:
    outcome = chosen("2", "1", "1", "2")
    assert (outcome.selected, outcome.tie) == ((0,), "index")


def test_k_answers_are_distinct_and_fewer_come_back_where_there_are_fewer() -> None:
    assert chosen("1", "2", "2", "1", "2", k=3).selected == (1, 0)


def test_no_answer_no_vote() -> None:
    assert chosen("", "", "7").selected == (2,)


def test_without_any_answer_the_first_valid_response_is_returned_and_flagged() -> None:
    outcome = chosen("", "")
    assert (outcome.selected, outcome.degraded) == ((0,), "no_answer")


def test_without_a_valid_candidate_a_cut_off_one_is_returned_and_flagged() -> None:
    drawn = [candidate(0, "", "error"), candidate(1, "The answer is 1", "length")]
    outcome = select(drawn, exact_ballot(drawn), 1)
    assert (outcome.selected, outcome.degraded) == ((1,), "no_valid_candidate")


def _row(rng: Random) -> tuple[str, str]:
    text = rng.choice(["The answer is 1.", "The answer is 2.", "The answer is 3.", "...", ""])
    return text, rng.choice(["stop", "stop", "stop", "stop", "length", "error"])


@random_cases(lambda rng: (several(rng, _row, 1, 12), rng.randint(1, 14)))
def test_agrees_with_counting_by_hand(rows: list[tuple[str, str]], k: int) -> None:
    drawn = [candidate(i, text, reason) for i, (text, reason) in enumerate(rows)]
    outcome = select(drawn, exact_ballot(drawn), k)
    assert list(outcome.selected) == _slow(drawn, k)


def _slow(drawn: list[Candidate], k: int) -> list[int]:
    """Take the answer that most of those left give, again and again; where there is none, whatever is presentable."""
    fine = [c for c in drawn if c.finish_reason == "stop" and c.text.strip()]
    left = {c.index: extract(c.text) for c in fine if extract(c.text) is not None}
    if not left:
        cut = [c for c in drawn if c.finish_reason == "length" and c.text.strip()]
        empty = [c for c in drawn if c.finish_reason != "error" and not c.text.strip()]
        return [c.index for c in (fine or [*cut, *empty])][:k]
    taken: list[int] = []
    while left and len(taken) < k:
        first = next(i for i in left if all(_count(left, i) >= _count(left, j) for j in left))
        taken.append(first)
        left = {i: answer for i, answer in left.items() if answer != left[first]}
    return taken


def _count(answers: dict[int, str | None], index: int) -> int:
    return list(answers.values()).count(answers[index])


class Arriving(ScriptedEngine):
    """Candidates that end in a given order: the one that ends later has more words."""

    def __init__(self, stated: list[str], order: list[int], token_s: float = 0.0) -> None:
        words = {index: place for place, index in enumerate(order)}
        super().__init__(
            script=lambda prompt, i: "so " * (3 * words[i]) + f"The answer is {stated[i]}.", token_s=token_s
        )


@pytest.mark.parametrize("stated", ["1111", "1121", "2111", "1122", "1212", "1234"])
async def test_in_every_order_of_arrival_the_winner_is_that_of_the_full_draw(
    stated: str, table: Table
) -> None:
    n = len(stated)
    for order in permutations(range(n)):
        engine = Arriving(list(stated), list(order))
        early = await Majority(n=n).run(PROMPT, engine, table)
        full = await Majority(n=n, stop="none").run(PROMPT, Arriving(list(stated), list(order)), table)
        assert [c.index for c in early.answers] == [c.index for c in full.answers]
        assert len(full.verdicts) == n
        assert early.details.get("stopped_early", 0) == n - len(early.verdicts)
        assert engine.unfinished == 0


async def test_a_decided_vote_stops_the_draw(table: Table) -> None:
    engine = Arriving(["1"] * 9 + ["2"], list(range(10)), token_s=0.001)
    outcome = await Majority(n=10).run(PROMPT, engine, table)
    # Five of ten for one answer: the rest could at most draw level, and would come later.
    assert len(outcome.verdicts) == 5
    assert outcome.details == {"stopped_early": 5}
    assert engine.unfinished == 0


async def test_a_vote_that_needs_everybody_reports_nothing_saved(table: Table) -> None:
    outcome = await Majority(n=3).run(PROMPT, Arriving(["1", "2", "3"], [0, 1, 2]), table)
    assert outcome.details == {}


async def test_a_limit_on_samples_is_not_taken_for_an_early_stop(table: Table) -> None:
    strategy = Majority(n=8, budget=Budget(max_samples=2))
    outcome = await strategy.run(PROMPT, Arriving(["1"] * 8, list(range(8))), table)
    assert outcome.details in ({}, {"stopped_early": 1})


async def test_answers_that_may_still_merge_stop_the_draw_later(table: Table) -> None:
    table.equivalence = Told()
    stated = ["1", "2", "1", "1", "1", "1", "2", "2"]
    exact = await Majority(n=8).run(PROMPT, Arriving(stated, list(range(8)), token_s=0.001), table)
    math = await Majority(n=8, equivalence="math").run(
        PROMPT, Arriving(stated, list(range(8)), token_s=0.001), table
    )
    assert exact.selected == math.selected == (0,)
    assert (exact.details, math.details) == ({"stopped_early": 3}, {"stopped_early": 2})


async def test_mathematics_merges_votes(table: Table) -> None:
    table.equivalence = Told({frozenset(("1/2", "0.5"))})
    stated = ["3", "1/2", "3", "0.5", "1/2"]
    engine = Arriving(stated, list(range(5)))
    outcome = await Majority(n=5, equivalence="math").run(PROMPT, engine, table)
    assert outcome.selected == (1,)
    assert [vote.count for vote in outcome.votes] == [3, 2]
    exact = await Majority(n=5).run(PROMPT, Arriving(stated, list(range(5))), table)
    assert exact.selected == (0,)


async def test_answers_that_could_not_be_compared_are_flagged(table: Table) -> None:
    engine = Arriving([r"\sqrt{8}", r"2\sqrt{2}"], [0, 1])
    outcome = await Majority(n=2, equivalence="math").run(PROMPT, engine, table)
    assert outcome.degraded == "equivalence_undecided"


async def test_failed_and_cut_off_candidates_do_not_vote(table: Table) -> None:
    texts = [FAIL, "The answer is 9 and much more text", "The answer is 1."]
    engine = ScriptedEngine(script=lambda prompt, i: texts[i])
    prompt = Prompt(PROMPT.messages, decoding=Decoding(max_tokens=4))
    outcome = await Majority(n=3).run(prompt, engine, table)
    assert outcome.selected == (2,)
    assert [verdict.fate for verdict in outcome.verdicts] == ["failed", "invalid", "selected"]


async def test_the_answer_is_found_as_the_request_says(table: Table) -> None:
    texts = ["#### 1 (5)", "#### 2 (5)", "#### 2 (6)"]
    strategy = Majority.model_validate({"n": 3, "answer": {"form": "pattern", "pattern": "#### (\\d)"}})
    outcome = await strategy.run(PROMPT, ScriptedEngine(script=lambda prompt, i: texts[i]), table)
    assert outcome.selected == (1,)


async def test_cancelling_stops_the_draw(table: Table) -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "word " * 50, token_s=0.01)
    task = asyncio.create_task(Majority(n=4).run(PROMPT, engine, table))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert engine.unfinished == 0
