"""From positions that were chosen to an outcome: the fate of each candidate, and what goes back if nothing is valid."""

from collections.abc import Mapping, Sequence

from strategies.answers.groups import group_sizes, votes
from strategies.answers.voting_strategy import Ballot
from strategies.base.ranking import rank
from strategies.base.types import Candidate, CandidateResult, Detail, Fate, Outcome, Score


def outcome_of(
    candidates: Sequence[Candidate],
    scores: Sequence[Score],
    ballot: Ballot,
    selected: Sequence[int],
    *,
    rewards: Mapping[int, float | None] | None = None,
    tie: str | None = None,
    degraded: str | None = None,
    details: Mapping[str, Detail] | None = None,
) -> Outcome:
    """The outcome in which the candidates at these positions are returned, best first. `rewards` are by group."""
    fates = [_fate(candidate, i in selected) for i, candidate in enumerate(candidates)]
    verdicts = tuple(map(CandidateResult, candidates, fates, scores, ballot.answers, ballot.groups))
    told = votes(ballot.answers, ballot.groups, rewards)
    return Outcome(verdicts, tuple(selected), told, tie, degraded or ballot.degraded, details or {})


def best_responses(
    candidates: Sequence[Candidate], scores: Sequence[Score], ballot: Ballot, k: int
) -> Outcome:
    """The `k` best candidates by score, each on its own: higher score, then larger group, then lower index.

    An invalid candidate (empty, cut off, failed) is returned only where no valid one is left, and then the outcome is
    degraded as `no_valid_candidate`.
    """
    ranking = rank(candidates, [score.value for score in scores], group_sizes(ballot.groups))
    selected = _returnable(candidates, ranking.order)[:k]
    degraded = None if any(c.is_valid for c in candidates) else "no_valid_candidate"
    return outcome_of(candidates, scores, ballot, selected, tie=ranking.tie, degraded=degraded)


def _returnable(candidates: Sequence[Candidate], order: Sequence[int]) -> tuple[int, ...]:
    """What may be returned: the valid ones, or, where there is none, whatever the engine did produce."""
    valid = tuple(i for i in order if candidates[i].is_valid)
    return valid or tuple(i for i in order if candidates[i].finish_reason != "error")


def _fate(candidate: Candidate, selected: bool) -> Fate:
    if selected:
        return "selected"
    if candidate.finish_reason == "error":
        return "failed"
    return "kept" if candidate.is_valid else "invalid"
