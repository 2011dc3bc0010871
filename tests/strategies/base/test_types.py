"""A candidate of which little is known counts for nothing that nobody told; how it ended decides if it is valid."""

import pytest

from strategies.base.types import Candidate, CandidateResult, Decoding, FinishReason, Outcome, Score


def test_what_was_not_told_counts_for_nothing() -> None:
    bare = Candidate(3, "4", 2, "stop")
    assert (bare.prompt_tokens, bare.cached_tokens, bare.token_ids, bare.logprobs) == (0, 0, (), ())
    assert (bare.logprob, bare.answer, bare.score) == (None, None, None)
    assert Score() == Score(None, ())


@pytest.mark.parametrize(
    ("text", "reason", "empty", "valid"),
    [
        ("4", "stop", False, True),
        ("4", "length", False, False),
        ("4", "error", False, False),
        (" \n", "stop", True, False),
        ("", "abort", True, False),
    ],
)
def test_a_valid_candidate_ended_by_itself_and_says_something(
    text: str, reason: FinishReason, empty: bool, valid: bool
) -> None:
    told = Candidate(0, text, 1, reason)
    assert (told.is_empty, told.is_valid) == (empty, valid)


def test_the_answers_of_an_outcome_are_its_selected_candidates_best_first() -> None:
    three = [Candidate(i, str(i), 1, "stop") for i in range(3)]
    results = tuple(CandidateResult(one, "kept") for one in three)
    assert Outcome(results, (2, 0)).answers == [three[2], three[0]]


def test_a_decoding_that_asks_for_nothing_changes_nothing() -> None:
    plain = Decoding()
    assert (plain.temperature, plain.top_p, plain.top_k, plain.min_p, plain.top_h) == (1.0, 1.0, 0, 0.0, None)
    assert (plain.presence_penalty, plain.frequency_penalty, plain.repetition_penalty) == (0.0, 0.0, 1.0)
    assert (plain.max_tokens, plain.min_tokens, plain.stop, plain.ignore_eos) == (None, 0, (), False)
