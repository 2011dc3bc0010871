"""RPC: every path votes for its answer with its own probability, once improbable paths are pruned.

Source: arXiv 2502.00511, "Bridging Internal Probability and Self-Consistency" (`compute_rpc.py` of WNJXYK/RPC). Without
`prune` it is the paper's perplexity consistency. Ours differs where theirs is silent or breaks: too few paths or a
failed fit prune nothing, not every path is pruned, and an answer that ties another is ordered by size, then by index.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from pydantic import Field

from strategies.answers.groups import Group, grouped
from strategies.answers.path_probabilities import answer_probabilities, fit, kept_paths
from strategies.answers.voting_strategy import Ballot
from strategies.base.errors import InvalidRequest
from strategies.base.ports import Engine, Scorers
from strategies.base.types import Candidate, Detail, Outcome, Prompt, Score
from strategies.sampling.stopping import Stop
from strategies.sampling.stopping_strategy import StoppingStrategy
from strategies.selection.best_answers import best_answers

Probability = Literal["mean", "sequence"]


class Rpc(StoppingStrategy):
    """Draw N candidates, return the answer whose likely paths have the highest probabilities together."""

    name: ClassVar[str] = "rpc"
    exact_stop: ClassVar[bool] = False

    n: int = Field(16, ge=1, description="Candidates to draw.")
    stop: Stop = Field("none", description="When to stop the draw, by the count of answers; see `majority`.")
    prune: bool = Field(True, description="Drop the paths that belong to the component of low probability.")
    probability: Probability = Field(
        "mean",
        description="Of a path: the exponential of its mean token log-probability, as in the authors' code, or of the "
        "sum over the sequence, as in the theory.",
    )

    def num_samples(self, k: int) -> int:
        return max(self.n, k)

    async def run(self, prompt: Prompt, engine: Engine, scorers: Scorers) -> Outcome:
        sampled = await self.draw_votes(_with_logprobs(prompt), self.num_samples(prompt.k), engine)
        _check_logprobs(sampled.candidates)
        ballot = await self.ballot(sampled.candidates, scorers)
        outcome = select(sampled.candidates, ballot, prompt.k, prune=self.prune, probability=self.probability)
        return replace(outcome, details={**outcome.details, **sampled.details})


@dataclass(frozen=True, slots=True)
class _Paths:
    """The probability of each candidate, and which of them count; `fitted` says whether a mixture was found."""

    probabilities: tuple[float | None, ...]
    kept: tuple[bool, ...]
    fitted: bool


def select(
    candidates: Sequence[Candidate],
    ballot: Ballot,
    k: int,
    *,
    prune: bool = True,
    probability: Probability = "mean",
) -> Outcome:
    """The representatives of the `k` most probable answers: their likeliest candidates. Pure and deterministic."""
    paths = _paths(candidates, prune=prune, probability=probability)
    texts = [candidate.text for candidate in candidates]
    worth = answer_probabilities(ballot.groups, texts, paths.probabilities, paths.kept)
    groups = [_rewarded(group, worth) for group in grouped(ballot.groups, [None] * len(candidates))]
    scores = [Score(p) for p in paths.probabilities]
    outcome = best_answers(candidates, scores, ballot, groups, k)
    details: dict[str, Detail] = {"pruned": paths.kept.count(False)}
    if prune and not paths.fitted:
        details["fit"] = "skipped"
    return replace(outcome, details=details)


def _paths(candidates: Sequence[Candidate], *, prune: bool, probability: Probability) -> _Paths:
    """The mixture is fitted to valid paths that have a log-probability; the others are not pruned."""
    probabilities = path_probabilities(candidates, probability)
    places = [i for i, p in enumerate(probabilities) if p is not None and candidates[i].is_valid]
    values = [p for i in places if (p := probabilities[i]) is not None]
    mixture = fit(values) if prune else None
    kept = [True] * len(candidates)
    for place, counts in zip(places, kept_paths(values, mixture), strict=True):
        kept[place] = counts
    return _Paths(tuple(probabilities), tuple(kept), mixture is not None)


def path_probabilities(candidates: Sequence[Candidate], probability: Probability) -> list[float | None]:
    """The probability of each path; None without a log-probability or tokens.

    Of sequences those relative to the likeliest: only ratios matter to votes, and the numbers themselves underflow.
    """
    logs = [_log_probability(candidate, probability) for candidate in candidates]
    shift = max((log for log in logs if log is not None), default=0.0) if probability == "sequence" else 0.0
    return [None if log is None else math.exp(log - shift) for log in logs]


def _log_probability(candidate: Candidate, probability: Probability) -> float | None:
    if candidate.logprob is None or math.isnan(candidate.logprob) or candidate.tokens < 1:
        return None
    return candidate.logprob / candidate.tokens if probability == "mean" else candidate.logprob


def _rewarded(group: Group, worth: dict[object, float]) -> Group:
    return replace(group, reward=worth.get(group.number))


def _with_logprobs(prompt: Prompt) -> Prompt:
    """Log-probabilities of the sampled tokens alone, unless the request wants more."""
    if prompt.decoding.logprobs is not None:
        return prompt
    return replace(prompt, decoding=replace(prompt.decoding, logprobs=0))


def _check_logprobs(candidates: Sequence[Candidate]) -> None:
    """InvalidRequest for a candidate of the caller's that says nothing of its probability."""
    for candidate in candidates:
        if candidate.is_valid and (candidate.logprob is None or candidate.tokens < 1):
            field = "logprob" if candidate.logprob is None else "tokens"
            raise InvalidRequest(
                f"rpc needs the log-probability and the tokens of every candidate: candidate {candidate.index} has "
                f"no {field}",
                param=f"candidates.{candidate.index}.{field}",
            )
