"""Objectives: the rows of one head, weighted as configured or as a request asks."""

from typing import Any

import pytest
from pydantic import ValidationError

from service.reward_models.base.errors import PoolingFailed, ScorerLoadError
from service.reward_models.combined.objectives import ObjectivesScorer, WeightedHead
from service.reward_models.combined.settings import ObjectivesSettings
from service.reward_models.pooling.head import Head
from service.reward_models.pooling.outcome import PooledOutcomeScorer
from strategies.base.errors import InvalidRequest, ScorerFailed
from strategies.base.ports import MultiObjectiveScorer
from tests.service.reward_models.combined.test_ensemble import scripted
from tests.service.reward_models.fakes import FakeModel, PieceTokenizer
from tests.service.reward_models.judges.scripts import QUESTION, loaded, metered

NAMES = ("helpful", "brief", "kind")


def scorer(row: tuple[float, ...] = (1.0, 10.0, 100.0), **weights: float) -> ObjectivesScorer:
    model = PooledOutcomeScorer("row", PieceTokenizer(), FakeModel(row=row), Head(0))
    return ObjectivesScorer("mixed", model, NAMES, weights or dict.fromkeys(NAMES, 1.0))


async def score(scorer: Any) -> float | None:
    value: float | None = (await scorer.score(QUESTION, ["42"])).values[0]
    return value


async def test_the_score_is_the_weighted_sum_of_the_rows() -> None:
    assert await score(scorer()) == 111.0
    assert await score(scorer(helpful=2.0, kind=-0.5)) == 2.0 - 50.0


async def test_a_request_weighs_for_itself() -> None:
    assert await score(scorer().weighted({"brief": 3.0})) == 30.0


def test_an_unknown_objective_is_named_with_those_that_there_are() -> None:
    with pytest.raises(InvalidRequest, match="no objective 'shrt'; it has: helpful, brief, kind") as error:
        scorer().weighted({"shrt": 1.0})
    assert error.value.param == "strategy.objective_weights.shrt"


def test_weights_that_are_all_zero_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="every weight is 0"):
        scorer().weighted({"brief": 0.0})


async def test_a_head_of_another_size_fails() -> None:
    with pytest.raises(ScorerFailed, match="2 rows, and 3 objectives") as failure:
        await score(scorer(row=(1.0, 2.0)))
    assert failure.value.scorer == "mixed"


def test_a_row_that_is_not_finite_is_no_score_even_at_weight_zero() -> None:
    with pytest.raises(PoolingFailed, match="no score"):
        WeightedHead(weights=(1.0, 0.0)).value((1.0, float("nan")))


async def test_metered_it_is_still_multi_objective() -> None:
    from service.reward_models.base.loaded import LoadedScorers
    from service.reward_models.base.ports import ScorerInfo

    held = LoadedScorers((ScorerInfo("mixed", "outcome", "objectives", "m"),), outcomes={"mixed": scorer()})
    panel = metered(held)
    found = panel.outcome("mixed")
    assert isinstance(found, MultiObjectiveScorer)
    assert await score(found.weighted({"helpful": 1.0})) == 1.0
    assert panel.meter.reward_model_tokens > 0


def test_only_a_head_that_is_read_here_has_rows() -> None:
    with pytest.raises(ScorerLoadError, match="'a' has no head to read"):
        loaded(
            scripted("a"),
            {"name": "m", "backend": "objectives", "head_of": "a", "objectives": ["x", "y"]},
        )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"objectives": ["x", "x"]}, "names must differ"),
        ({"objectives": ["x", "y"], "weights": {"z": 1.0}}, "weights: not objectives: z"),
        ({"objectives": ["x"]}, "at least 2"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ObjectivesSettings.model_validate({"name": "m", "backend": "objectives", "head_of": "a", **more})
