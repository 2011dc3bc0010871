"""Usage: the prompt once, with what of it the cache held; the engine's own sums beside it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.metering.meter import Meter
from service.metering.run import ModelSizes, RunResult
from service.protocol.usage import usage
from strategies.base.types import Candidate, CandidateResult, Outcome, Prompt
from strategies.single import Single


def told(reads: list[tuple[int, int]]) -> dict[str, Any]:
    """The usage of candidates that read so many tokens, of which so many were cached."""
    meter = Meter()
    candidates = [Candidate(i, "a", 1, "stop", read, cached) for i, (read, cached) in enumerate(reads)]
    for candidate in candidates:
        meter.count(candidate, "sample")
    results = tuple(CandidateResult(candidate, "selected") for candidate in candidates)
    run = RunResult(Single(), Prompt(), Outcome(results, (0,)), meter, ModelSizes(None, {}))
    return usage(run)


@pytest.mark.parametrize(
    ("reads", "cached"),
    [
        ([(34, 32)] * 8, 32),
        ([(34, 0)] + [(34, 32)] * 7, 0),
        ([(34, 32)] * 7 + [(34, 16)], 16),
        ([(34, 34)], 34),
        ([(0, 0), (34, 32)], 32),
        ([(34, 32), (0, 0)], 32),
        ([(0, 0)], 0),
        ([(5, 80)], 5),
    ],
    ids=str,
)
def test_cached_tokens_are_those_of_the_first_reading(reads: list[tuple[int, int]], cached: int) -> None:
    reply = told(reads)
    assert reply["prompt_tokens_details"] == {"cached_tokens": cached}
    assert reply["nbest"]["engine_prompt_tokens"] == sum(read for read, _ in reads)
    assert reply["nbest"]["engine_cached_tokens"] == sum(cached for _, cached in reads)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1))
def test_no_more_is_cached_than_was_sent(reads: list[tuple[int, int]]) -> None:
    reply = told(reads)
    assert 0 <= reply["prompt_tokens_details"]["cached_tokens"] <= reply["prompt_tokens"]
