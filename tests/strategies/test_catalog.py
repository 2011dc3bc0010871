"""The catalogue: names, and messages that say what was wrong with a request's strategy."""

import pytest

from strategies.base.errors import InvalidRequest
from strategies.best_of_n import BestOfN
from strategies.catalog import CATALOG, STRATEGIES, parse


def test_every_strategy_is_found_by_its_name() -> None:
    assert list(CATALOG.values()) == list(STRATEGIES)


def test_parse_gives_the_parameters() -> None:
    assert parse({"name": "best_of_n", "n": 5}) == BestOfN(n=5)


@pytest.mark.parametrize(
    ("spec", "param", "message"),
    [
        ({}, "strategy.name", "must be one of: single, best_of_n"),
        ({"name": "worst_of_n"}, "strategy.name", "worst_of_n"),
        ({"name": ["best_of_n"]}, "strategy.name", "must be one of"),
        ({"name": "best_of_n", "m": 3}, "strategy.m", "not a parameter of best_of_n, which takes: explain"),
        ({"name": "best_of_n", "n": 0}, "strategy.n", "greater than or equal to 1"),
        ({"name": "best_of_n", "n": "8"}, "strategy.n", "integer"),
        ({"name": "best_of_n", "n": True}, "strategy.n", "integer"),
        ({"name": "best_of_n", "budget": {"samples": 1}}, "strategy.budget.samples", ""),
        ({"name": "x" * 10_000}, "strategy.name", "must be one of"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(spec: dict[str, object], param: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(spec)
    assert caught.value.param == param
    assert message in str(caught.value)
    assert len(str(caught.value)) < 500
