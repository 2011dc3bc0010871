"""Ensembles of loaded scorers: combined as the rule says, counted under the members' names, failing with them."""

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from service.reward_models.base.errors import ScorerLoadError
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.combined.ensemble import EnsembleScorer
from service.reward_models.combined.settings import EnsembleSettings
from service.reward_models.reward_functions.scripted import ScriptedOutcomeScorer
from strategies.base.errors import ScorerFailed
from strategies.base.ports import OutcomeScores, compares
from strategies.base.types import Prompt
from strategies.scores.ensemble import ensemble
from tests.service.reward_models.judges.scripts import QUESTION, loaded, metered


def scripted(name: str, kind: str = "outcome") -> dict[str, Any]:
    return {"name": name, "kind": kind, "backend": "scripted"}


def of(*members: Any, **more: Any) -> dict[str, Any]:
    return {"name": "all", "backend": "ensemble", "members": list(members), **more}


class Lookup:
    """A scorer that looks texts up, and notes what it was asked about."""

    def __init__(self, name: str, table: dict[str, float | None]) -> None:
        self.name = name
        self.table = table
        self.asked: list[list[str]] = []

    async def score(self, prompt: Prompt, texts: Any) -> OutcomeScores:
        self.asked.append(list(texts))
        return OutcomeScores(tuple(self.table[text] for text in texts), tokens=len(texts), cached=1)


def scorer(*members: Any, **more: Any) -> EnsembleScorer:
    parsed = EnsembleSettings.model_validate(of(*(m.name for m in members), **more))
    return EnsembleScorer("all", parsed, tuple(members))


async def test_members_are_combined_text_by_text() -> None:
    one, other = Lookup("a", {"x": 1.0, "y": 4.0}), Lookup("b", {"x": 3.0, "y": None})
    assert (await scorer(one, other, rule="wco").score(QUESTION, ["x", "y"])).values == (1.0, None)
    assert (await scorer(one, other, rule="uwo").score(QUESTION, ["x"])).values == (1.5,)
    rest = await scorer(one, other, missing="omit").score(QUESTION, ["x", "y"])
    assert rest.values == (2.0, 4.0)


async def test_equal_texts_are_asked_once_and_count_as_often_as_drawn() -> None:
    member = Lookup("a", {"x": 1.0, "y": 2.0})
    scores = await scorer(member, normalisation="quantile").score(QUESTION, ["x", "x", "y"])
    assert scores.values == (1 / 3, 1 / 3, 5 / 6)
    assert member.asked == [["x", "y"]]


def test_only_a_normalised_ensemble_compares() -> None:
    member = Lookup("a", {})
    assert not compares(scorer(member))
    assert compares(scorer(member, normalisation="zscore"))
    assert compares(scorer(scorer(member, normalisation="zscore")))


async def test_weights_belong_to_their_members() -> None:
    scorers = loaded(
        scripted("a"),
        scripted("b"),
        of({"scorer": "a", "weight": 3.0}, {"scorer": "b", "weight": -1.0}, rule="weighted"),
    )
    assert (await scorers.outcome("all").score(QUESTION, ["[score=0.5]"])).values == (1.0,)


async def test_a_step_scorer_takes_part_by_its_aggregation() -> None:
    scorers = loaded(scripted("s", "step"), of({"scorer": "s", "aggregation": "min"}))
    # the script scores an answer up to each step's end: 0.9, then 0.2
    assert (await scorers.outcome("all").score(QUESTION, ["[score=0.9]\n[score=0.2]"])).values == (0.2,)


async def test_what_members_read_is_counted_once_under_their_names() -> None:
    scorers = loaded(scripted("a"), scripted("s", "step"), of("a", "s"))
    panel = metered(scorers)
    await panel.outcome("all").score(QUESTION, ["one two three [score=1]"])
    assert panel.meter.scorer_tokens == {"a": 4, "s": 4, "all": 0}
    assert panel.meter.reward_model_tokens == 8
    bare = await scorers.outcome("all").score(QUESTION, ["one two three [score=1]"])
    assert bare.tokens == 8


@pytest.mark.parametrize(
    ("fault", "reason"), [("raise", "error"), ("nan", "not_finite"), ("short", "length_mismatch")]
)
async def test_a_member_that_fails_is_the_failure_of_all_under_its_name(fault: Any, reason: str) -> None:
    member = ScriptedOutcomeScorer("bad", fault=fault)
    whole = scorer(ScriptedOutcomeScorer("good"), member, missing="omit")
    panel = metered(
        LoadedScorers((ScorerInfo("all", "outcome", "ensemble", "all"),), outcomes={"all": whole})
    )
    with pytest.raises(ScorerFailed) as failure:
        await panel.outcome("all").score(QUESTION, ["a", "b"])
    assert (failure.value.scorer, failure.value.reason) == ("bad", reason)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.one_of(st.none(), st.floats(-9, 9))), min_size=1, max_size=8
    ),
    st.sampled_from(["mean", "median", "wco", "uwo"]),
    st.sampled_from(["none", "zscore", "quantile"]),
)
async def test_it_is_the_pure_rule_over_the_candidates(rows: Any, rule: Any, how: Any) -> None:
    table = dict(rows)
    texts = [text for text, _ in rows]
    member = Lookup("a", table)
    other = Lookup("b", {text: None if value is None else -value for text, value in table.items()})
    found = await scorer(member, other, rule=rule, normalisation=how).score(QUESTION, texts)
    wanted = ensemble([[m.table[t] for t in texts] for m in (member, other)], rule, normalisation=how)
    assert list(found.values) == wanted
    assert not any(value is not None and math.isnan(value) for value in found.values)


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        (of("a", "a"), "members: each may be named once"),
        (of("a", transform="best_of_n"), "transform: needs normalisation quantile"),
        (of("a", variance_weight=1.0), "variance_weight: goes with rule uwo"),
        (of({"scorer": "a", "weight": 2.0}), "weight goes with rule weighted"),
        (of(), "at least 1"),
        (of("a", kind="step"), "outcome"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(settings_: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        EnsembleSettings.model_validate(settings_)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (["later"], r"scorer 'all': 'later' is no outcome scorer that stands earlier .* those are: a"),
        (["all"], "those are: a"),
        ([{"scorer": "a", "aggregation": "min"}], "'a' is no step scorer"),
    ],
)
def test_members_must_stand_earlier(members: list[Any], message: str) -> None:
    with pytest.raises(ScorerLoadError, match=message):
        loaded(scripted("a"), of(*members), scripted("later"))


def test_it_says_what_it_is() -> None:
    info = loaded(scripted("a"), scripted("b"), of("a", "b", rule="wco", normalisation="zscore")).describe()[
        -1
    ]
    assert (info.backend, info.members, info.rule, info.compares) == ("ensemble", ("a", "b"), "wco", True)
