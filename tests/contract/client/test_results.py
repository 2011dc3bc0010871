"""What results say of themselves; that they can be read from real replies is told by the contract with the server."""

from typing import Any

import pytest
from nbest_client import (
    BestOfN,
    CandidateInput,
    Comparison,
    Delta,
    Explanation,
    Generation,
    InvalidRequest,
    Scores,
    Selection,
)
from nbest_client._responses.comparison import Compared, prefixed

from tests.contract.client.faults import COMPLETION


def candidate(index: int, score: float | None, fate: str = "kept", **more: Any) -> dict[str, Any]:
    told = {"index": index, "score": score, "step_scores": None, "answer": "4", "group": 0, "tokens": 5}
    return {**told, "finish_reason": "stop", "fate": fate, **more}


NBEST: dict[str, Any] = {
    "strategy": "best_of_n",
    "seed": 1,
    "selected": [2],
    "candidates": [candidate(0, None), candidate(1, -0.5), candidate(2, 0.9, "selected"), candidate(3, 0.7)],
    "votes": [{"group": 0, "answer": "4", "count": 4, "reward": None}],
    "tie": None,
    "degraded": "budget_max_samples",
    "time_ms": {"sample": 1500.0},
}


def generation(**more: Any) -> Generation:
    return Generation.model_validate({**COMPLETION, "nbest": NBEST, **more})


def test_a_generation_is_its_first_text_and_all_of_them() -> None:
    assert generation().text == "42"
    assert generation().texts == ["42"]


def test_the_winner_is_the_first_selected() -> None:
    explained = Explanation.model_validate(NBEST)
    assert explained.winner is not None
    assert explained.winner.index == 2
    assert Explanation.model_validate({**NBEST, "selected": [9]}).winner is None
    assert Explanation.model_validate({**NBEST, "selected": []}).winner is None


def test_a_generation_in_a_terminal() -> None:
    assert str(generation()).split("\n\n") == [
        "best_of_n: 4 candidates\n"
        "   #  answer  score   tokens  fate\n"
        "*  2  4       0.900   5       selected\n"
        "   3  4       0.700   5       kept\n"
        "   1  4       -0.500  5       kept\n"
        "   0  4       –       5       kept",
        "answer: 42",
        "why: votes 4 ×4; degraded budget_max_samples; time sample 1.50 s",
        "cost: 1 tokens generated, 3 in the prompt",
    ]


def test_a_plain_answer_is_shown_without_a_table() -> None:
    plain = Generation.model_validate(COMPLETION)
    assert plain.explanation is None
    assert str(plain).startswith("answer: 42")
    assert str(Generation.model_validate({**COMPLETION, "usage": None})) == "answer: 42"


def test_details_of_a_strategy_are_among_the_reasons() -> None:
    told = {**NBEST, "details": {"rounds": 3, "share": 0.25, "order": [1, 0], "note": "a\nb"}}
    why = Explanation.model_validate(told).why()
    assert why.endswith("rounds 3; share 0.250; order (1, 0); note a ⏎ b")


def test_texts_are_a_column_where_they_were_told() -> None:
    told = {**NBEST, "candidates": [candidate(2, 0.9, text="It is 4.", logprob=-1.0)]}
    assert "It is 4." in str(Explanation.model_validate(told))


def test_what_a_newer_server_says_is_kept() -> None:
    assert (Explanation.model_validate({**NBEST, "weather": "fine"}).model_extra or {})["weather"] == "fine"


def test_results_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        generation().model = "other"  # type: ignore[misc]  # what must fail


def test_scores_with_their_texts() -> None:
    told = {"scorer": "outcome", "kind": "outcome", "data": [{"index": 0, "score": 0.5}], "texts": ["a"]}
    assert str(Scores.model_validate(told)) == "outcome (outcome)\n#  text  score\n0  a     0.500"
    steps = {"index": 0, "steps": ["a", "b"], "step_scores": [0.5, 1.0]}
    stepwise = Scores.model_validate({**told, "kind": "step", "data": [steps]})
    assert str(stepwise).endswith("0  a     0.500 1.000")


def test_a_selection_with_its_candidates() -> None:
    told = {
        "selected": [1],
        "candidates": [CandidateInput(text="a"), CandidateInput(text="b")],
        "nbest": NBEST,
    }
    selection = Selection.model_validate(told)
    assert selection.texts == ["b"]
    assert str(selection).endswith("selected [1]: b")
    assert str(Selection.model_validate({**told, "nbest": None})) == "selected [1]: b"


def test_a_comparison_side_by_side() -> None:
    failed = Compared.of(None, 0.5, InvalidRequest("no", status=400))
    model = {"parameters": 1, "tokens": 1, "cached_tokens": 0, "flops": 2, "cached_prefill_flops": 0}
    cost = {"generator": model, "reward_models": [], "flops": 1_234_567_890}
    explained = generation(nbest=NBEST | {"cost": cost})
    told = Comparison((Compared.of(BestOfN(n=4), 1.25, explained), failed))
    assert str(told).splitlines() == [
        "2 strategies",
        "strategy        answer                           "
        "score  candidates  tokens  FLOPs   seconds  phases         degraded",
        "best_of_n(n=4)  4                                "
        "0.900  4           1       1.23 G  1.250    sample 1.50 s  budget_max_samples",
        "no strategy     InvalidRequest: no (status 400)  "
        "–      –           –       –       0.500    –              –",
    ]
    with pytest.raises(InvalidRequest):
        _ = told.results


def test_a_row_without_an_explanation_says_what_it_can() -> None:
    row = Compared.of(None, 0.5, Generation.model_validate(COMPLETION))
    assert (row.answer, row.score, row.candidates, row.tokens) == ("42", None, None, 1)
    assert (row.flops, row.time_ms, row.degraded) == (None, {}, None)


def test_a_row_of_a_failed_strategy_has_no_figures() -> None:
    row = Compared.of(None, 0.5, InvalidRequest("no"))
    assert (row.answer, row.score, row.candidates, row.tokens, row.flops) == (None,) * 5


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, None),
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (9_994, "9.99 k"),
        (9_996, "10.0 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (1_234_567_890, "1.23 G"),
        (45 * 10**12, "45.0 T"),
        (7 * 10**18, "7000 P"),
    ],
)
def test_a_large_count_has_three_digits_and_a_prefix(count: int | None, shown: str | None) -> None:
    assert prefixed(count) == shown


def test_a_piece_prints_as_its_text() -> None:
    assert str(Delta(0, "x")) == "x"
