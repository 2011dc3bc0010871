"""The implicit scorer: only the answer's tokens count, equal answers are read once, and every failure is one."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from service.reward_models.base.errors import FailureReason, PoolingFailed
from service.reward_models.base.language import TextQuery
from service.reward_models.base.ports import PoolingOutput
from service.reward_models.implicit.scorer import ImplicitStepScorer
from strategies.base.errors import ScorerFailed
from strategies.base.types import Message, Prompt
from strategies.scores.implicit import Integration
from tests.service.reward_models.fakes import PieceTokenizer

PROMPT = Prompt((Message("user", "one and one"),))


@dataclass
class FakeLanguage:
    """Finds a token likely by a rule on everything up to it."""

    rule: Callable[[Sequence[int]], float]
    fails: FailureReason | None = None
    is_short: bool = False
    waits_s: float = 0.0
    queried: list[TextQuery] = field(default_factory=list)
    was_cancelled: bool = False

    async def logprobs(self, queries: Sequence[TextQuery]) -> list[PoolingOutput]:
        try:
            await asyncio.sleep(self.waits_s)
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        if self.fails:
            raise PoolingFailed("it failed", self.fails)
        self.queried += queries
        rows = [
            tuple(self.rule(query.ids[: at + 1]) for at in range(query.start, len(query.ids)))
            for query in queries
        ]
        return [
            PoolingOutput((row[:-1] if self.is_short else row,), len(query.ids))
            for row, query in zip(rows, queries, strict=True)
        ]


def policy_rule(ids: Sequence[int]) -> float:
    return -(sum((i + 1) * token for i, token in enumerate(ids)) % 101) / 10


def reference_rule(ids: Sequence[int]) -> float:
    return -(sum((i + 3) * token for i, token in enumerate(ids)) % 97) / 10


def scorer(
    ours: FakeLanguage | None = None,
    theirs: FakeLanguage | None = None,
    *,
    strips: bool = False,
    integration: Integration = "cumulative",
) -> ImplicitStepScorer:
    return ImplicitStepScorer(
        "i",
        PieceTokenizer(strips=strips),
        ours or FakeLanguage(policy_rule),
        theirs or FakeLanguage(reference_rule),
        beta=2.0,
        integration=integration,
    )


def by_definition(steps: Sequence[str]) -> list[float]:
    """q at the end of each step: twice the log ratio of every token of the answer that ends by then."""
    conversation = PieceTokenizer().conversation(PROMPT.messages, "".join(steps))
    found = []
    for count in range(1, len(steps) + 1):
        length, total = len("".join(steps[:count])), 0.0
        for at, end in enumerate(conversation.answer_ends):
            if 0 <= end <= length:
                ids = conversation.ids[: at + 1]
                total += 2.0 * (policy_rule(ids) - reference_rule(ids))
        found.append(total)
    return found


async def test_scores_are_the_sums_of_the_definition() -> None:
    answers = [["one and\n", "two\n\n", "three"], ["four"]]
    sums = await scorer().score(PROMPT, answers)
    own = await scorer(integration="step").score(PROMPT, answers)
    for steps, values, differences in zip(answers, sums.values, own.values, strict=True):
        expected = by_definition(steps)
        assert values == pytest.approx(expected)
        assert differences == pytest.approx([b - a for a, b in zip([0.0, *expected], expected, strict=False)])


async def test_a_step_keeps_its_score_as_the_answer_grows() -> None:
    asked = scorer()
    short = (await asked.score(PROMPT, [["one\n", "two\n"]])).values[0]
    grown = (await asked.score(PROMPT, [["one\n", "two\n", "three"]])).values[0]
    assert short is not None
    assert grown is not None
    assert grown[:2] == pytest.approx(short)


async def test_neither_prompt_nor_what_ends_the_turn_is_judged() -> None:
    ours = FakeLanguage(policy_rule)
    await scorer(ours).score(PROMPT, [["one"]])
    conversation = PieceTokenizer().conversation(PROMPT.messages, "one")
    inside = [at for at, end in enumerate(conversation.answer_ends) if end >= 0]
    assert ours.queried == [TextQuery(conversation.ids[: inside[-1] + 1], inside[0])]


async def test_equal_answers_are_read_once_and_all_that_is_read_is_counted() -> None:
    ours, theirs = FakeLanguage(policy_rule), FakeLanguage(reference_rule)
    scores = await scorer(ours, theirs).score(PROMPT, [["a\n", "b"], ["a\n", "b"], ["c"]])
    assert len(ours.queried) == len(theirs.queried) == 2
    assert scores.values[0] == scores.values[1]
    assert scores.tokens == 2 * sum(len(query.ids) for query in ours.queried)


async def test_no_steps_and_nothing_to_judge_spoil_no_other() -> None:
    asked = scorer(strips=True)
    scores = await asked.score(PROMPT, [[], ["\n", " \n"], ["a"]])
    assert scores.values[:2] == ((), None)
    assert len(scores.values[2] or ()) == 1
    assert (await asked.score(PROMPT, [])).values == ()


@pytest.mark.parametrize("value", [math.nan, -math.inf])
async def test_what_is_not_finite_is_no_score(value: float) -> None:
    with pytest.raises(ScorerFailed) as failure:
        await scorer(FakeLanguage(lambda ids: value)).score(PROMPT, [["a"]])
    assert (failure.value.scorer, failure.value.reason) == ("i", "not_finite")


@pytest.mark.parametrize("reason", ["engine_dead", "aborted", "too_long", "error"])
@pytest.mark.parametrize("whose", ["ours", "theirs"])
async def test_either_models_failure_is_the_scorers_and_stops_the_other(
    reason: FailureReason, whose: str
) -> None:
    failing = FakeLanguage(policy_rule, fails=reason)
    waiting = FakeLanguage(reference_rule, waits_s=30)
    pair = (failing, waiting) if whose == "ours" else (waiting, failing)
    with pytest.raises(ScorerFailed) as failure:
        await scorer(*pair).score(PROMPT, [["a"]])
    assert failure.value.reason == reason
    assert waiting.was_cancelled


async def test_too_few_probabilities_are_an_error() -> None:
    with pytest.raises(ScorerFailed, match="0 probabilities for 1 tokens"):
        await scorer(FakeLanguage(policy_rule, is_short=True)).score(PROMPT, [["a"]])
