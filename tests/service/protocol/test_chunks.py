"""Usage in the chunks of a stream: each choice's own count, which ends as what was generated for it."""

from typing import Any

from service.metering.meter import Meter
from service.metering.run import ModelSizes, RunResult
from service.protocol.chat import ChatStream, ReplyFields
from strategies.base.ports import Delta
from strategies.base.types import Candidate, CandidateResult, Outcome, Prompt
from strategies.single import Single


def counts(chunks: list[dict[str, Any]]) -> list[tuple[int, int, int]]:
    """Choice, tokens of the prompt, tokens so far."""
    told = [(chunk["choices"][0]["index"], chunk["usage"]) for chunk in chunks if chunk["choices"]]
    return [(index, usage["prompt_tokens"], usage["completion_tokens"]) for index, usage in told]


def test_a_choice_of_which_less_was_shown_than_generated_ends_with_all_of_it() -> None:
    stream = ChatStream(ReplyFields("i", "m", "f"), usage=(True, True))
    candidates = [Candidate(0, "ab", 9, "stop", 4), Candidate(1, "c", 2, "stop", 4)]
    results = tuple(CandidateResult(candidate, "selected") for candidate in candidates)
    run = RunResult(Single(), Prompt(k=2), Outcome(results, (0, 1)), Meter(), ModelSizes(None, {}))
    assert counts(stream.begin(2, 4)) == [(0, 4, 0), (1, 4, 0)]
    assert counts(stream.add(0, Delta(0, "a", 2))) == [(0, 4, 2)]
    assert counts(stream.add(1, candidates[1])) == [(1, 4, 2)]
    assert counts(stream.add(0, Delta(0, "b", 1))) == [(0, 4, 3)]
    assert counts(stream.end(run)) == [(0, 4, 9), (1, 4, 2)]
