"""A rubric judge: grades as JSON under a schema, weighted; anything else is no grade."""

import json
from random import Random
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from service.reward_models.judges.rubric import grades, schema
from service.reward_models.judges.settings import RubricSettings
from strategies.base.errors import InvalidRequest
from strategies.base.ports import MultiObjectiveScorer
from strategies.base.types import Candidate
from tests.random_cases import random_cases
from tests.service.reward_models.judges.scripts import QUESTION, Replies, loaded, metered, verdict

RUBRIC: dict[str, Any] = {
    "name": "r",
    "backend": "rubric",
    "criteria": [
        {"name": "correct", "description": "The result is right.", "weight": 3},
        {"name": "brief", "description": "No word too many."},
    ],
}
SETTINGS = RubricSettings.model_validate(RUBRIC)


def told(correct: Any, brief: Any, **more: Any) -> str:
    return json.dumps({"evidence": "so", "correct": correct, "brief": brief, **more})


def scorers(*replies: str, **more: Any) -> tuple[Replies, Any]:
    engine = Replies(lambda question, index: verdict(replies[index]))
    return engine, loaded({**RUBRIC, **more}, generators={"main": engine})


async def test_the_score_is_the_weighted_mean_of_grades_from_0_to_1() -> None:
    engine, held = scorers(told(5, 1))
    assert (await held.outcome("r").score(QUESTION, ["42"])).values == (0.75,)
    decoding = engine.asked[0].decoding
    assert json.loads(decoding.json_schema or "") == schema(SETTINGS)
    assert list(schema(SETTINGS)["properties"]) == ["evidence", "correct", "brief"]


async def test_samples_without_grades_are_left_out_and_none_at_all_is_none() -> None:
    _, held = scorers(told(5, 5), "cut of", samples=2)
    assert (await held.outcome("r").score(QUESTION, ["42"])).values == (1.0,)
    _, held = scorers("{}")
    assert (await held.outcome("r").score(QUESTION, ["42"])).values == (None,)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "5",
        "[]",
        told(5, 5)[:-1],
        told(5, 5) + " and so on",
        told(0, 5),
        told(6, 5),
        told(True, 5),
        told(4.5, 5),
        told("5", 5),
        told(None, 5),
        told(5, 5, extra=1),
        json.dumps({"evidence": "so", "correct": 5}),
        json.dumps({"evidence": 1, "correct": 5, "brief": 5}),
        "[" * 10_000,
    ],
)
def test_what_is_no_such_json_is_no_grade(reply: str) -> None:
    assert grades(reply, SETTINGS) is None


def _reply(rng: Random) -> tuple[dict[str, Any]]:
    """Grades in and out of range, and now and then something else, or one name too few or too many."""
    grade = [rng.randint(-1, 7) for _ in range(4)]
    odd = [5.0, rng.uniform(0, 6), "", "so", True, False, None]
    told = {name: grade.pop() if rng.random() < 0.8 else rng.choice(odd) for name in ("correct", "brief")}
    told["evidence"] = rng.choice(["", "so", "so", "so", *odd])
    extra = {"other": rng.choice(odd)} if rng.random() < 0.1 else {}
    return ({name: value for name, value in (told | extra).items() if rng.random() < 0.95},)


VALID = jsonschema.Draft202012Validator(schema(SETTINGS))


@random_cases(_reply)
def test_grades_are_read_exactly_where_the_schema_allows_them(reply: dict[str, Any]) -> None:
    allowed = VALID.is_valid(reply)
    # JSON Schema takes 5.0 for an integer and, through Python, True for 1; a grade is written as a whole number.
    exact = all(type(reply.get(name)) is int for name in ("correct", "brief"))
    assert (grades(json.dumps(reply), SETTINGS) is not None) == (allowed and exact)


async def test_a_request_may_weigh_the_criteria() -> None:
    _, held = scorers(told(5, 1))
    scorer = metered(held).outcome("r")
    assert isinstance(scorer, MultiObjectiveScorer)
    assert (await scorer.weighted({"brief": 1.0}).score(QUESTION, ["42"])).values == (0.0,)
    with pytest.raises(InvalidRequest, match="no objective 'kind'; it has: correct, brief"):
        scorer.weighted({"kind": 1.0})


async def test_its_tokens_are_judge_tokens() -> None:
    _, held = scorers(told(5, 1))
    panel = metered(held)
    await panel.outcome("r").score(QUESTION, ["42"])
    assert panel.meter.tokens["judge"] == len(told(5, 1).split(" "))


async def test_a_reply_cut_off_at_a_limit_is_no_grade() -> None:
    engine = Replies(lambda question, index: Candidate(index, told(5, 5)[:-2], 9, "length"))
    held = loaded(RUBRIC, generators={"main": engine})
    assert (await held.outcome("r").score(QUESTION, ["42"])).values == (None,)


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        ([{"name": "a", "description": "x"}, {"name": "a", "description": "y"}], "names must differ"),
        ([{"name": "evidence", "description": "x"}], "none may be `evidence`"),
        ([{"name": "a", "description": "x", "weight": 0}], "one weight must be above 0"),
        ([], "at least 1"),
    ],
)
def test_wrong_settings_are_named(criteria: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RubricSettings.model_validate({**RUBRIC, "criteria": criteria})
