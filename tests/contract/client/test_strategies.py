"""Typed strategies: checked before anything is sent, and sent as they were set."""

from typing import Any

import pytest
from nbest_client import AnswerForm, BestOfN, Budget, Custom, EarlyRejection, Majority, Single, TopH
from pydantic import ValidationError


def test_the_spec_says_what_was_set_even_if_it_is_the_default() -> None:
    assert BestOfN().spec() == {"name": "best_of_n"}
    assert BestOfN(n=8).spec() == {"name": "best_of_n", "n": 8}


def test_nested_parameters_too() -> None:
    form = AnswerForm(form="json", field="result.answer")
    assert Majority(answer=form, budget=Budget(max_samples=3)).spec() == {
        "name": "majority",
        "answer": {"form": "json", "field": "result.answer"},
        "budget": {"max_samples": 3},
    }


def test_a_list_where_a_list_is_meant() -> None:
    assert EarlyRejection(scope="response", checkpoints=(32, 64)).spec()["checkpoints"] == [32, 64]


@pytest.mark.parametrize(
    "parameters",
    [{"n": 0}, {"n": "16"}, {"n": 1.5}, {"m": 1}, {"explain": "loud"}, {"budget": {"max_samples": 0}}],
)
def test_what_the_server_would_refuse_is_refused_here(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BestOfN(**parameters)


def test_numbers_that_are_none() -> None:
    with pytest.raises(ValidationError):
        TopH(alpha=float("nan"))


def test_a_strategy_does_not_change() -> None:
    with pytest.raises(ValidationError):
        BestOfN().n = 3  # type: ignore[misc]  # what must fail
    assert len({BestOfN(n=4), BestOfN(n=4), BestOfN(n=5)}) == 2


def test_how_a_strategy_reads() -> None:
    assert str(Single()) == "single"
    assert str(BestOfN(n=4, scorer="outcome")) == "best_of_n(scorer='outcome', n=4)"


def test_a_strategy_that_the_client_does_not_know() -> None:
    mine = Custom("my_strategy", n=4, name="mine")
    assert mine.spec() == {"name": "my_strategy", "n": 4}
    assert repr(Custom("my_strategy", n=4)) == "Custom(my_strategy(n=4))"
