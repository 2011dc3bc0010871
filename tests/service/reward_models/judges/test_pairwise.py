"""A pairwise judge: both orders, wins shared, positions balanced, and no verdict is none."""

import re
from typing import Any

import pytest

from strategies.base.ports import compares
from strategies.base.types import Candidate
from tests.service.reward_models.judges.scripts import QUESTION, Replies, loaded, metered, verdict

_QUOTED = re.compile(r"Answer ([AB]):\n(=== \w+ ===)\n(.*?)\n\2", re.DOTALL)


def shown(question: str) -> tuple[str, str]:
    found = {letter: text for letter, _, text in _QUOTED.findall(question)}
    return found["A"], found["B"]


def longest(question: str, index: int) -> Candidate:
    """Prefers the longer answer, wherever it stands."""
    one, other = shown(question)
    word = "tie" if len(one) == len(other) else "A" if len(one) > len(other) else "B"
    return verdict(f"I compared them. Verdict: {word}")


def judge(reply: Any, **more: Any) -> tuple[Replies, Any]:
    replies = Replies(reply)
    settings = {"name": "p", "backend": "pairwise", "opponents": None, **more}
    return replies, loaded(settings, generators={"main": replies})


async def scored(reply: Any, texts: list[str], **more: Any) -> tuple[float | None, ...]:
    _, scorers = judge(reply, **more)
    values: tuple[float | None, ...] = (await scorers.outcome("p").score(QUESTION, texts)).values
    return values


async def test_the_score_is_the_share_of_wins() -> None:
    assert await scored(longest, ["a", "aaa", "aa"]) == (0.0, 1.0, 0.5)


async def test_every_pair_is_read_in_both_orders() -> None:
    replies, scorers = judge(longest)
    await scorers.outcome("p").score(QUESTION, ["a", "bb", "ccc"])
    read = {shown(question) for question in replies.questions}
    assert read == {(x, y) for x in ("a", "bb", "ccc") for y in ("a", "bb", "ccc") if x != y}
    assert len(replies.questions) == 6


async def test_a_judge_that_prefers_a_place_tells_nobody_apart() -> None:
    assert await scored(lambda q, i: verdict("Verdict: A"), ["a", "b", "c"]) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    "text", ["", "A", "A is better.", "Verdict: C", "Verdict: A or B", "Verdict: A. Well, no", "verdict A"]
)
async def test_what_cannot_be_read_abstains(text: str) -> None:
    assert await scored(lambda q, i: verdict(text), ["a", "b"]) == (None, None)


@pytest.mark.parametrize(
    "text", ["Verdict: A", "verdict: a", "**Verdict: A**", "Verdict: [[A]].", "x\nVerdict:\nA\n"]
)
async def test_what_can_be_read_is(text: str) -> None:
    def first_is_x(question: str, index: int) -> Candidate:
        return verdict(text if shown(question)[0] == "x" else "Verdict: B")

    assert await scored(first_is_x, ["x", "y"]) == (1.0, 0.0)


async def test_one_order_without_a_verdict_leaves_the_pair_out() -> None:
    def reply(question: str, index: int) -> Candidate:
        return verdict("?") if shown(question) == ("b", "a") else longest(question, index)

    assert await scored(reply, ["a", "b", "cc"]) == (0.0, 0.0, 1.0)


async def test_equal_texts_are_one_answer_and_a_lone_one_has_no_score() -> None:
    assert await scored(longest, ["a", "aa", "a"]) == (0.0, 1.0, 0.0)
    assert await scored(longest, ["a", "a"]) == (None, None)


async def test_opponents_bound_the_number_of_comparisons() -> None:
    replies, scorers = judge(longest, opponents=2)
    await scorers.outcome("p").score(QUESTION, [str(i) * (i + 1) for i in range(10)])
    assert len(replies.questions) == 20  # ten pairs, both orders


async def test_it_compares_also_behind_the_meter_and_evidence_comes_first() -> None:
    replies, scorers = judge(longest, samples=2)
    panel = metered(scorers)
    assert compares(panel.outcome("p"))
    await panel.outcome("p").score(QUESTION, ["a", "bb"])
    assert panel.meter.tokens == {"judge": 2 * 2 * 5}
    question = replies.questions[0]
    assert question.index("First compare") < question.index("Verdict: A")
