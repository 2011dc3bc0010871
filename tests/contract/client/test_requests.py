"""What is sent, without sending it."""

import math
from typing import Any

import pytest
from nbest_client import BestOfN, Budget, CandidateInput, Custom, openai_extra_body
from nbest_client._candidate_input import CandidateInput as GivenAgain
from nbest_client._http.deadline import Deadline
from nbest_client._requests import Call, chat, headers, root, score, select

QUESTION = [{"role": "user", "content": "Hi"}]


def asked(**changed: Any) -> dict[str, Any]:
    arguments = {"model": "m", "strategy": None, "n": 1, "sampling": {}} | changed
    return dict(chat("Hi", **arguments).body or {})


def test_what_is_not_set_is_not_sent() -> None:
    assert asked() == {"model": "m", "messages": QUESTION, "n": 1}


def test_a_strategy_is_sent_as_it_was_set() -> None:
    budget = Budget(max_samples=4)
    sent = asked(strategy=BestOfN(n=8, budget=budget), sampling={"temperature": 0.8, "top_h": None})
    assert sent["strategy"] == {"name": "best_of_n", "n": 8, "budget": {"max_samples": 4}}
    assert (sent["temperature"], sent["top_h"]) == (0.8, None)


def test_the_deadline_of_the_caller_is_not_the_strategys() -> None:
    assert "budget" not in asked(strategy=BestOfN(n=8))["strategy"]


def test_a_stream_tells_its_usage() -> None:
    assert asked(stream=True)["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("name", ["stream", "stream_options"])
def test_fields_that_are_the_clients_own(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        asked(sampling={name: True})


def test_messages_are_taken_as_they_are() -> None:
    turns = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"})
    call = score(turns, ["a"], None)
    assert call == Call("/v1/score", {"messages": list(turns), "texts": ["a"]})
    assert score("Hi", ("a",), "outcome").body == {"messages": QUESTION, "texts": ["a"], "scorer": "outcome"}


def test_candidates_carry_what_was_set() -> None:
    given = CandidateInput.each(["a", CandidateInput(text="b", score=0.5)])
    body = select(given, strategy=Custom("best_of_n"), messages=None, k=2).body
    assert body == {
        "strategy": {"name": "best_of_n"},
        "k": 2,
        "candidates": [{"text": "a"}, {"text": "b", "score": 0.5}],
    }


def test_one_text_where_a_list_belongs() -> None:
    with pytest.raises(TypeError, match="texts"):
        score("Hi", "abc", None)
    with pytest.raises(TypeError, match="candidates"):
        GivenAgain.each("abc")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_json_has_no_place_for(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        _ = Call("/", {"x": value}).content
    with pytest.raises(ValueError):
        _ = Call("/", {"x": "\ud800"}).content


def test_the_extra_body_for_the_openai_sdk() -> None:
    assert openai_extra_body(BestOfN(n=4)) == {"strategy": {"name": "best_of_n", "n": 4}}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000"),
        ("https://host/nbest/v1", "https://host/nbest"),
    ],
)
def test_addresses(given: str, meant: str) -> None:
    assert root(given) == meant


@pytest.mark.parametrize("address", ["", "127.0.0.1:8000", "ftp://host", "http://"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        root(address)


def test_a_key_goes_in_the_authorization_header() -> None:
    assert headers("k")["authorization"] == "Bearer k"
    assert "authorization" not in headers(None)
    for key in ("line\nbreak", "schlüssel"):
        with pytest.raises(ValueError, match="header") as caught:
            headers(key)
        assert key not in str(caught.value)


@pytest.mark.parametrize("timeout_s", [0, -1.0, math.nan])
def test_time_that_is_none(timeout_s: float) -> None:
    with pytest.raises(ValueError, match="timeout_s"):
        Deadline.after(timeout_s)


def test_time_without_end() -> None:
    endless = Deadline.after(math.inf)
    assert endless.remaining_s is None
    assert not endless.passed
    assert endless.within(5.0) == 5.0
    assert Deadline(1.0, at=0.0).remaining_s == 0.0
