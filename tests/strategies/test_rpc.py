"""RPC on a scripted engine and by selection: who votes, what is pruned, and what a candidate must bring along."""

import math
from dataclasses import replace
from typing import Any

import pytest

from service.engine.precomputed import PrecomputedEngine
from service.engine.scripted.engine import ScriptedEngine
from strategies.answers.voting_strategy import exact_ballot
from strategies.base.errors import InvalidRequest
from strategies.base.types import Candidate, Decoding, Message, Outcome, Prompt
from strategies.rpc import Rpc, path_probabilities, select
from tests.strategies.conftest import Table

PROMPT = Prompt((Message("user", "1 + 1?"),))
POOL = [0.82, 0.80, 0.78, 0.76, 0.30, 0.28, 0.27, 0.25]
ANSWERS = [7, 7, 9, 9, 5, 5, 5, 5]


def path(index: int, answer: int, p: float | None, *, tokens: int = 4, **fields: Any) -> Candidate:
    logprob = None if p is None else tokens * math.log(p)
    told = Candidate(index, f"{'so ' * index}The answer is {answer}.", tokens, "stop", logprob=logprob)
    return replace(told, **fields)


def pool() -> list[Candidate]:
    return [path(i, answer, p) for i, (answer, p) in enumerate(zip(ANSWERS, POOL, strict=True))]


def chosen(candidates: list[Candidate], **options: Any) -> Outcome:
    return select(candidates, exact_ballot(candidates), 1, **options)


def test_likely_paths_beat_a_majority_of_unlikely_ones() -> None:
    outcome = chosen(pool())
    assert outcome.selected == (0,)
    assert {vote.answer: vote.reward for vote in outcome.votes} == pytest.approx(
        {"7": 1.62, "9": 1.54, "5": 0.0}
    )
    assert outcome.details == {"pruned": 4}


def test_without_pruning_every_path_counts() -> None:
    outcome = chosen(pool(), prune=False)
    assert {vote.answer: vote.reward for vote in outcome.votes} == pytest.approx(
        {"7": 1.62, "9": 1.54, "5": 1.10}
    )
    assert outcome.details == {"pruned": 0}


def test_too_few_paths_are_not_pruned_and_the_reply_says_so() -> None:
    outcome = chosen(pool()[:7])
    assert outcome.details == {"pruned": 0, "fit": "skipped"}


def test_the_probability_of_a_sequence_never_underflows() -> None:
    long = [path(0, 1, 0.5, tokens=4000), path(1, 2, 0.49, tokens=4000), path(2, 2, 0.49, tokens=4001)]
    assert path_probabilities(long, "sequence")[0] == 1.0
    assert chosen(long, prune=False, probability="sequence").selected == (0,)
    assert chosen(long, prune=False, probability="mean").selected == (1,)


def test_a_candidate_without_an_answer_or_cut_off_does_not_vote() -> None:
    silent = path(2, 1, 0.9, text="no idea at all, sorry")
    cut = path(3, 3, 0.9, finish_reason="length")
    outcome = chosen([path(0, 1, 0.5), path(1, 2, 0.6), cut], prune=False)
    assert outcome.selected == (1,)
    assert silent.is_valid


async def test_the_draw_asks_for_the_log_probabilities_of_the_sampled_tokens_alone() -> None:
    asked: list[Prompt] = []

    def play(prompt: Prompt, index: int) -> str:
        asked.append(prompt)
        return f"The answer is {index % 2}."

    engine = ScriptedEngine(script=play)
    outcome = await Rpc(n=6).run(PROMPT, engine, Table())
    assert {prompt.decoding.logprobs for prompt in asked} == {0}
    assert all(result.score.value is not None for result in outcome.verdicts)
    more = replace(PROMPT, decoding=Decoding(logprobs=5))
    await Rpc(n=2).run(more, engine, Table())
    assert asked[-1].decoding.logprobs == 5


@pytest.mark.parametrize(("fields", "missing"), [({"logprob": None}, "logprob"), ({"tokens": 0}, "tokens")])
async def test_a_candidate_that_says_nothing_of_its_probability_is_refused_by_name(
    fields: dict[str, Any], missing: str
) -> None:
    brought = PrecomputedEngine((path(0, 1, 0.5), path(1, 2, 0.5, **fields)))
    with pytest.raises(InvalidRequest) as refused:
        await Rpc().for_precomputed(2).run(PROMPT, brought, Table())
    assert refused.value.param == f"candidates.1.{missing}"
