"""A judge that compares is asked once about all; any other as candidates end; carried scores are never asked about."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from strategies.base.errors import InvalidRequest, ScorerFailed
from strategies.base.types import Candidate, Decoding, FinishReason, Message, Prompt, Score
from strategies.best_of_n import BestOfN
from strategies.sampling.score_tasks import ScoreTasks
from strategies.sampling.scoring import CandidateScorer
from tests.strategies.conftest import Table, candidate

PROMPT = Prompt((Message("user", "Q"),))


@dataclass
class Ask:
    """Scores a text by its rank among those asked about with it, and notes every question."""

    fails: bool = False
    asked: list[list[str]] = field(default_factory=list)
    waits: bool = False
    cancelled: bool = False

    async def __call__(self, prompt: Prompt, texts: Sequence[str]) -> list[Score]:
        self.asked.append(list(texts))
        if self.fails:
            raise ScorerFailed("on fire", scorer="s")
        try:
            await asyncio.sleep(60 if self.waits else 0)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return [Score(float(sorted(texts).index(text))) for text in texts]


async def settled(ask: Ask, pool: Sequence[Candidate], *, compares: bool) -> list[Score]:
    async with ScoreTasks(CandidateScorer(ask, compares=compares), PROMPT) as questions:
        for one in pool:
            questions.submit(one)
        await questions.settle()
        return [questions.score(one) for one in pool]


POOL = [candidate(2, "c"), candidate(0, "a"), candidate(1, "b"), candidate(3, "a")]


async def test_a_judge_that_compares_hears_of_all_at_once_in_order_and_as_often_as_drawn() -> None:
    ask = Ask()
    scores = await settled(ask, [*POOL, POOL[0]], compares=True)
    assert ask.asked == [["a", "b", "c", "a"]]
    assert [score.value for score in scores] == [3.0, 0.0, 2.0, 0.0, 3.0]


async def test_any_other_is_asked_about_each_text_once() -> None:
    ask = Ask()
    await settled(ask, POOL, compares=False)
    assert sorted(ask.asked) == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("compares", [False, True])
async def test_scores_that_were_brought_along_are_used(compares: bool) -> None:
    ask = Ask()
    pool = [
        candidate(0, "a", score=Score(7.0)),
        candidate(1, "b"),
        candidate(2, "c", score=Score(None, (0.5, 0.2))),
    ]
    scores = await settled(ask, pool, compares=compares)
    assert [score.value for score in scores] == [7.0, 0.0, 0.2]
    assert ask.asked == [["b"]]


async def test_nothing_to_ask_about_asks_nothing() -> None:
    ask = Ask()
    await settled(ask, [candidate(0, "a", score=Score(1.0))], compares=True)
    await settled(ask, [], compares=True)
    assert ask.asked == []


async def test_its_failure_is_raised_or_returned() -> None:
    with pytest.raises(ScorerFailed):
        await settled(Ask(fails=True), POOL, compares=True)
    async with ScoreTasks(
        CandidateScorer(Ask(fails=True), compares=True), PROMPT, fail_fast=False
    ) as questions:
        questions.submit(POOL[0])
        assert isinstance(await questions.settle(), ScorerFailed)
        assert questions.score(POOL[0]) == Score()


async def test_leaving_the_block_cancels_the_one_question() -> None:
    ask = Ask(waits=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await settled(ask, POOL, compares=True)
    assert ask.cancelled


def test_weights_need_objectives_and_a_lone_candidate_no_comparison(table: Table) -> None:
    with pytest.raises(InvalidRequest, match="no objectives") as error:
        BestOfN(scorer="outcome", objective_weights={"x": 1.0}).judge(table)
    assert error.value.param == "strategy.objective_weights"
    with pytest.raises(InvalidRequest, match="no objectives"):
        BestOfN(scorer="step", objective_weights={"x": 1.0}).judge(table)
    assert not BestOfN(scorer="outcome").judge(table, alone=True).compares


@pytest.mark.parametrize(
    ("on_error", "asked", "expected"),
    [("fail", None, None), ("majority", None, None), ("logprob", None, 0), ("logprob", 3, 3), ("fail", 3, 3)],
)
def test_a_fall_back_on_log_probabilities_asks_for_those_of_the_samples_alone(
    on_error: str, asked: int | None, expected: int | None
) -> None:
    strategy = BestOfN.model_validate({"on_scorer_error": on_error})
    prompt = Prompt((Message("user", "Q"),), decoding=Decoding(logprobs=asked))
    assert strategy.asking(prompt).decoding.logprobs == expected


@pytest.mark.parametrize(
    ("text", "reason", "is_asked"),
    [
        ("a", "length", True),
        ("a", "abort", True),
        ("a", "error", False),
        (" ", "length", False),
        ("", "stop", False),
    ],
)
async def test_what_is_cut_off_may_be_scored_and_what_says_nothing_may_not(
    text: str, reason: FinishReason, is_asked: bool
) -> None:
    ask = Ask()
    async with ScoreTasks(CandidateScorer(ask), PROMPT) as tasks:
        tasks.submit_invalid(Candidate(0, text, 1, reason))
        await tasks.settle()
    assert ask.asked == ([[text]] if is_asked else [])


@pytest.mark.parametrize(
    ("on_error", "logprob", "tokens", "expected"),
    [
        ("majority", -2.0, 4, None),
        ("majority", None, 4, None),
        ("logprob", -2.0, 4, -0.5),
        ("logprob", -2.0, 0, -2.0),
        ("logprob", None, 4, None),
    ],
)
def test_what_takes_the_place_of_a_score(
    on_error: str, logprob: float | None, tokens: int, expected: float | None
) -> None:
    strategy = BestOfN.model_validate({"on_scorer_error": on_error})
    assert strategy.fallback_score(Candidate(0, "a", tokens, "stop", logprob=logprob)) == Score(expected)
