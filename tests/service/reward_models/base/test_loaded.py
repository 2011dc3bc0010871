"""The port over the loaded scorers: defaults by order, wrong kinds answered with the right names."""

import pytest

from service.reward_models.base.errors import PoolingFailed
from service.reward_models.base.loaded import LoadedScorers
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.reward_functions.scripted import ScriptedOutcomeScorer, ScriptedStepScorer
from strategies.base.errors import InvalidRequest, NotFound, ScorerFailed
from strategies.base.ports import ScorerLookup
from tests.service.reward_models.fakes import FakeModel


def loaded(*names: str, engines: dict[str, FakeModel] | None = None) -> LoadedScorers:
    """Scorers of these names; one that starts with `s` is a step scorer."""
    steps = [name for name in names if name.startswith("s")]
    outcomes = [name for name in names if name not in steps]
    return LoadedScorers(
        tuple(
            ScorerInfo(name, "step" if name in steps else "outcome", "scripted", "scripted") for name in names
        ),
        {name: ScriptedOutcomeScorer(name) for name in outcomes},
        {name: ScriptedStepScorer(name) for name in steps},
        engines or {},
    )


SCORERS: ScorerLookup = loaded("s1", "o1", "o2", "s2")


def test_no_name_means_the_first_of_the_kind() -> None:
    assert (SCORERS.outcome(None).name, SCORERS.step(None).name) == ("o1", "s1")


def test_a_name_means_that_scorer() -> None:
    assert (SCORERS.outcome("o2").name, SCORERS.step("s2").name) == ("o2", "s2")
    assert (SCORERS.kind("o2"), SCORERS.kind("s2")) == ("outcome", "step")


def test_the_default_follows_the_order_of_the_kinds() -> None:
    assert SCORERS.default(["outcome", "step"]) == "o1"
    assert SCORERS.default(["step", "outcome"]) == "s1"
    assert loaded("s1").default(["outcome", "step"]) == "s1"


def test_the_wrong_kind_is_answered_with_the_right_names() -> None:
    with pytest.raises(InvalidRequest, match=r"'s1' is of kind step.*outcome.*o1, o2$") as error:
        SCORERS.outcome("s1")
    assert error.value.param == "strategy.scorer"
    with pytest.raises(InvalidRequest, match=r"s1, s2$"):
        SCORERS.step("o1")
    with pytest.raises(InvalidRequest, match=r": none$"):
        loaded("o1").step("o1")


def test_an_unknown_name_is_answered_with_the_loaded_ones() -> None:
    for ask in (SCORERS.kind, SCORERS.outcome, SCORERS.step):
        with pytest.raises(NotFound, match=r"no scorer 'x'.*s1, o1, o2, s2"):
            ask("x")


def test_no_scorer_of_the_kind_is_not_found() -> None:
    with pytest.raises(NotFound, match="kind step"):
        loaded("o1").step(None)
    with pytest.raises(NotFound, match="outcome or step"):
        loaded().default(["outcome", "step"])


async def test_health_names_the_scorer_whose_engine_is_dead() -> None:
    scorers = loaded(
        "o1", engines={"o1": FakeModel(), "s1": FakeModel(fails=PoolingFailed("gone", "engine_dead"))}
    )
    with pytest.raises(ScorerFailed, match="'s1': gone") as failure:
        await scorers.check_health()
    assert (failure.value.scorer, failure.value.reason) == ("s1", "engine_dead")
    await loaded("o1").check_health()


async def test_closing_closes_every_engine() -> None:
    engines = {"o1": FakeModel(), "s1": FakeModel()}
    scorers = loaded("o1", "s1", engines=engines)
    await scorers.aclose()
    await scorers.aclose()
    assert all(engine.is_closed for engine in engines.values())
