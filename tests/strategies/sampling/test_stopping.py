"""Stopping rules: vectors by hand, the Beta posterior against numerical integration, and what every stop promises."""

import math
from collections import Counter
from collections.abc import Hashable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from service.engine.scripted.engine import ScriptedEngine
from strategies.base.types import Message, Prompt
from strategies.majority import Majority
from strategies.sampling.stopping import (
    agreement_of,
    certainty,
    expected_improvement,
    is_unanimous,
    lead_probability,
    wave_sizes,
)
from tests.strategies.conftest import Table

PROMPT = Prompt((Message("user", "1 + 1?"),))


@pytest.mark.parametrize(
    ("counts", "probability"),
    [
        ([4, 0], 0.96875),
        ([3], 0.9375),
        ([5, 1], 0.9375),
        ([2, 6], 0.91016),
        ([7, 2], 0.94531),
        ([7, 2, 2], 0.94531),
        ([], 0.5),
        ([3, 3], 0.5),
    ],
)
def test_the_leader_stays_ahead_with_this_probability(counts: list[int], probability: float) -> None:
    assert lead_probability(counts) == pytest.approx(probability, abs=5e-6)


def slow_lead(v1: int, v2: int, steps: int = 20_000) -> float:
    """The area of theta^v1 (1 - theta)^v2 above 1/2, as a share of the whole, by the midpoint rule."""
    points = [(i + 0.5) / steps for i in range(steps)]
    heights = [p**v1 * (1 - p) ** v2 for p in points]
    return math.fsum(h for p, h in zip(points, heights, strict=True) if p > 0.5) / math.fsum(heights)


@pytest.mark.parametrize(("v1", "v2"), [(0, 0), (1, 0), (5, 3), (12, 12), (20, 7)])
def test_the_sum_of_binomials_is_the_area_of_the_beta_density(v1: int, v2: int) -> None:
    assert lead_probability([v1, v2]) == pytest.approx(slow_lead(v1, v2), abs=1e-6)


@pytest.mark.parametrize(
    ("stop", "answers", "sure"),
    [
        ("beta", ["a"] * 4, 0.96875),
        ("beta", ["a"] * 3, None),
        ("beta", [None, "a", None, "a", "a", "a"], 0.96875),
        ("beta", ["a"] * 7 + ["b"] * 2, None),
        ("agreement", ["a"], None),
        ("agreement", ["a", None], None),
        ("agreement", ["a", "a"], 1.0),
        ("agreement", ["a", "a", "a", "b"], 0.75),
        ("agreement", ["a", "a", "b"], None),
        ("window", ["b", "a", "a", "a", "a", "a"], 1.0),
        ("window", ["a", "a", None, "a", "a", "a"], 1.0),
        ("window", ["a", "a", "a", "a", "b"], None),
        ("none", ["a"] * 99, None),
    ],
)
def test_when_a_rule_stops(stop: Any, answers: list[Hashable | None], sure: float | None) -> None:
    found = certainty(stop, answers, confidence=0.95, agreement=0.75, window=5)
    assert found == (None if sure is None else pytest.approx(sure))


@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=12), st.integers(2, 6))
def test_a_stop_counts_answers_only(answers: list[str | None], window: int) -> None:
    given_answers = [answer for answer in answers if answer is not None]
    assert is_unanimous(answers, window) == is_unanimous(given_answers, window)
    counts = list(Counter(given_answers).values())
    assert agreement_of(counts) == (max(counts) / len(given_answers) if given_answers else 0)


@pytest.mark.parametrize(
    ("n", "waves", "sizes"),
    [
        (32, "all", [32]),
        (32, "double", [2, 2, 4, 8, 16]),
        (7, "double", [2, 2, 3]),
        (1, "double", [1]),
        (10, 4, [4, 4, 2]),
        (3, 8, [3]),
    ],
)
def test_waves(n: int, waves: Any, sizes: list[int]) -> None:
    assert list(wave_sizes(n, waves)) == sizes


def test_the_expected_improvement_by_hand_and_by_drawing() -> None:
    assert expected_improvement([1.0, 2.0, 3.0]) == math.inf
    assert expected_improvement([2.0] * 4) == 0.0
    scores = [0.0, 1.0, 2.0, 3.0]
    mean, deviation = 1.5, math.sqrt(5 / 3)
    rng = Random(5)
    drawn = math.fsum(max(rng.gauss(mean, deviation) - 3.0, 0.0) for _ in range(200_000)) / 200_000
    assert expected_improvement(scores) == pytest.approx(drawn, abs=0.003)


STOPS: list[dict[str, Any]] = [
    {"stop": "decided"},
    {"stop": "beta", "confidence": 0.9},
    {"stop": "agreement", "agreement": 0.6},
    {"stop": "window", "window": 3},
    {"stop": "none"},
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["1", "2", "3", ""]), min_size=1, max_size=24),
    st.sampled_from(STOPS),
    st.sampled_from(["all", "double", 3]),
)
async def test_what_comes_back_is_the_most_frequent_answer_of_what_was_drawn(
    answers: list[str], stop: dict[str, Any], waves: Any
) -> None:
    engine = ScriptedEngine(
        script=lambda prompt, index: f"The answer is {answers[index]}." if answers[index] else "?"
    )
    strategy = Majority.model_validate({"n": len(answers), "waves": waves} | stop)
    outcome = await strategy.run(PROMPT, engine, Table())
    assert engine.unfinished == 0
    seen = Counter(result.answer for result in outcome.verdicts if result.answer is not None)
    assert len(outcome.verdicts) + int(str(outcome.details.get("stopped_early", 0))) == len(answers)
    if seen:
        assert outcome.verdicts[outcome.selected[0]].answer is not None
        assert seen[str(outcome.verdicts[outcome.selected[0]].answer)] == max(seen.values())


async def test_waves_of_two_spare_what_is_sure_and_say_how_sure() -> None:
    engine = ScriptedEngine(script=lambda prompt, index: "The answer is 4.")
    outcome = await Majority(n=32, stop="agreement", waves="double").run(PROMPT, engine, Table())
    assert outcome.details == {"stopped_early": 30, "stop": "agreement", "stop_confidence": 1.0}


@pytest.mark.parametrize(
    "fields",
    [
        {"confidence": 0.9},
        {"stop": "beta", "window": 3},
        {"stop": "agreement", "confidence": 0.9},
        {"waves": 0},
    ],
)
def test_what_goes_with_another_rule_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Majority.model_validate(fields)


@pytest.mark.parametrize(
    ("fields", "busy", "waves"),
    [({}, False, "all"), ({}, True, "double"), ({"waves": 4}, True, 4), ({"stop": "none"}, True, "all")],
)
def test_the_load_chooses_only_what_the_request_left_open(
    fields: dict[str, Any], busy: bool, waves: Any
) -> None:
    assert Majority.model_validate(fields).under_load(is_busy=busy).waves == waves
