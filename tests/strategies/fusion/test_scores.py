"""Fusion with a reward model: scores that rank, that the fusor sees, that guard the answer, and that fail."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.base.errors import NotFound, ScorerFailed
from strategies.base.types import Score
from strategies.fusion_of_n import FusionOfN, reaches
from tests.strategies.conftest import Table
from tests.strategies.fusion.playing import PROMPT, Fusor, fuse


async def test_no_scorer_is_asked_unless_scores_are_wanted(table: Table) -> None:
    await fuse(["a", "b"], table=table)
    assert table.asked == []
    assert not FusionOfN().uses_scorer
    assert all(FusionOfN(**{field: value}).uses_scorer for field, value in WANTED)


WANTED: list[tuple[str, Any]] = [("scorer", "outcome"), ("show_scores", True), ("guard", True)]


async def test_the_fusor_sees_scores_only_if_it_may(table: Table) -> None:
    table.outcomes = {"a": 0.125, "b": 0.75}
    for shows in (True, False):
        engine = Fusor(["a", "b"])
        await FusionOfN(n=2, scorer="outcome", show_scores=shows).run(PROMPT, engine, table)
        assert ("0.125" in engine.asked[0].messages[0].content) == shows


@pytest.mark.parametrize(
    ("score", "answer"), [(0.95, "It is four."), (0.9, "It is four."), (0.89, "b"), (None, "b")]
)
async def test_a_guarded_answer_scores_at_least_as_high_as_the_best_candidate(
    table: Table, score: float | None, answer: str
) -> None:
    table.outcomes = {"a": 0.1, "b": 0.9, "It is four.": score}
    outcome = await fuse(["a", "b"], table=table, guard=True)
    assert (outcome.answers[0].text, outcome.degraded) == (answer, None)
    assert outcome.verdicts[2].score == Score(score)
    assert outcome.verdicts[2].fate == ("selected" if answer == "It is four." else "kept")


SCORES = st.one_of(st.none(), st.floats())


@given(SCORES, SCORES)
def test_what_passes_the_guard_is_a_number_that_is_not_lower(fused: float | None, best: float | None) -> None:
    is_number = fused is not None and fused == fused
    is_lower = is_number and best is not None and fused < best  # type: ignore[operator]
    assert reaches(Score(fused), Score(best)) == (is_number and not is_lower)


async def test_a_failing_scorer_fails_the_request(table: Table, broken: Callable[[], ScorerFailed]) -> None:
    table.outcomes = {"a": 0.1, "b": broken()}
    with pytest.raises(ScorerFailed):
        await fuse(["a", "b"], table=table, scorer="outcome")
    table.outcomes = {"a": 0.1, "b": 0.2, "It is four.": broken()}
    with pytest.raises(ScorerFailed):
        await fuse(["a", "b"], table=table, guard=True)


@pytest.mark.parametrize("how", ["majority", "logprob"])
async def test_a_scorer_that_failed_shows_no_stand_ins_and_is_told(
    table: Table, broken: Callable[[], ScorerFailed], how: Any
) -> None:
    table.outcomes = {"a": 0.5, "b": broken()}
    engine = Fusor(["a", "b"])
    strategy = FusionOfN(n=2, show_scores=True, on_scorer_error=how)
    outcome = await strategy.run(PROMPT, engine, table)
    assert (outcome.answers[0].text, outcome.degraded) == ("It is four.", f"scorer_failed_{how}")
    assert "score" not in engine.asked[0].messages[0].content.replace("or their scores", "")


async def test_log_probability_ranks_what_a_failed_scorer_did_not(
    table: Table, broken: Callable[[], ScorerFailed]
) -> None:
    texts = ["extraordinarily", "ok", "middling"]
    table.outcomes = {text: broken() for text in texts}
    outcome = await fuse(texts, "no", table, scorer="outcome", on_scorer_error="logprob")
    assert outcome.answers[0].text == "ok"


async def test_a_guard_that_cannot_be_asked_returns_the_best_candidate(
    table: Table, broken: Callable[[], ScorerFailed]
) -> None:
    table.outcomes = {"a": 0.1, "b": 0.2, "It is four.": broken()}
    outcome = await fuse(["a", "b"], table=table, guard=True, on_scorer_error="majority")
    assert (outcome.answers[0].text, outcome.degraded) == ("b", "scorer_failed_majority")
    assert outcome.verdicts[2].fate == "kept"
    table.outcomes = {"a": 0.1, "b": broken()}
    outcome = await fuse(["a", "b"], table=table, guard=True, on_scorer_error="majority")
    assert (outcome.answers[0].text, outcome.degraded) == ("a", "scorer_failed_majority")
    assert len(outcome.verdicts) == 2


async def test_an_unknown_scorer_is_refused_before_anything_is_drawn(table: Table) -> None:
    engine = Fusor(["a", "b"])
    with pytest.raises(NotFound):
        await FusionOfN(n=2, scorer="nobody").run(PROMPT, engine, table)
    assert engine.generation_tokens == 0
