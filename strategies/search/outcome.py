"""The end of a search: the best finished answer, else the best unfinished one; the rejected are never returned."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from strategies.answers.voting_strategy import Ballot
from strategies.base.ranking import is_number
from strategies.base.types import Candidate, CandidateResult, Outcome, Rejection, Score
from strategies.search.beam import Beam
from strategies.selection.outcome import best_responses


@dataclass(frozen=True, slots=True)
class FinishedBeam:
    """What a search knows of one candidate when it ends; the fields are those of a `Beam`."""

    candidate: Candidate
    score: Score = field(default_factory=Score)
    last: Score = field(default_factory=Score)
    rejected_at: Rejection | None = None
    is_rejected: bool = False

    @classmethod
    def of(cls, beam: Beam) -> "FinishedBeam":
        return cls(beam.live.candidate(), beam.score, beam.last, beam.rejected_at, beam.is_rejected)


def conclude(standings: Sequence[FinishedBeam], ballot: Ballot, k: int) -> Outcome:
    """The `k` best of those that were not rejected, best first, by the rule of `best_responses`.

    Where none of them has a score (a deadline came first), the last number that each got decides. `ballot` runs
    parallel to `standings`.
    """
    kept = [i for i, standing in enumerate(standings) if not standing.is_rejected]
    votes = Ballot(
        tuple(ballot.answers[i] for i in kept), tuple(ballot.groups[i] for i in kept), ballot.undecided
    )
    best = best_responses(
        [standings[i].candidate for i in kept], _scores([standings[i] for i in kept]), votes, k
    )
    verdicts = [
        CandidateResult(s.candidate, "rejected_early", s.score, rejected_at=s.rejected_at) for s in standings
    ]
    for i, verdict in zip(kept, best.verdicts, strict=True):
        verdicts[i] = replace(verdict, rejected_at=standings[i].rejected_at)
    return replace(best, verdicts=tuple(verdicts), selected=tuple(kept[i] for i in best.selected))


def winner_is_lost(outcome: Outcome) -> bool:
    """In shadow: whether the answer that won, or one that it was forked from, would have been rejected early."""
    return bool(outcome.selected) and outcome.verdicts[outcome.selected[0]].rejected_at is not None


def _scores(standings: Sequence[FinishedBeam]) -> list[Score]:
    if any(is_number(standing.score.value) for standing in standings):
        return [standing.score for standing in standings]
    return [standing.last for standing in standings]
