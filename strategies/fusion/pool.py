"""The drawn candidates as fusion sees them: in order of merit, those worth fusing, and the outcome with or without."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from strategies.answers.groups import group_sizes
from strategies.answers.voting_strategy import Ballot, exact_ballot
from strategies.base.ranking import rank
from strategies.base.types import Candidate, CandidateResult, Outcome, Score
from strategies.selection.outcome import best_responses


@dataclass(frozen=True, slots=True)
class Pool:
    """Candidates, their scores and their answers, parallel; `order` has their positions, best first."""

    candidates: tuple[Candidate, ...]
    scores: tuple[Score, ...]
    ballot: Ballot
    order: tuple[int, ...]

    @property
    def distinct(self) -> tuple[int, ...]:
        """The valid candidates, best first; of those that say the same, only the best."""
        seen: dict[str, int] = {}
        for i in self.order:
            if self.candidates[i].is_valid:
                seen.setdefault(self.candidates[i].content.strip(), i)
        return tuple(seen.values())

    @property
    def best(self) -> Score:
        """The score of the best candidate."""
        return self.scores[self.order[0]]

    def outcome(self, k: int, fused: CandidateResult | None = None, degraded: str | None = None) -> Outcome:
        """`k` answers: the fused text, if it was selected, then the best candidates.

        A fused text that was not selected is reported like any other candidate.
        """
        leads = fused is not None and fused.fate == "selected"
        rest = best_responses(self.candidates, self.scores, self.ballot, k - leads)
        outcome = replace(rest, degraded=degraded or rest.degraded)
        if fused is None:
            return outcome
        verdicts = (*outcome.verdicts, fused)
        if not leads:
            return replace(outcome, verdicts=verdicts)
        selected = (len(self.candidates), *outcome.selected)
        return replace(outcome, verdicts=verdicts, selected=selected, tie=None)


def assess(candidates: Sequence[Candidate], scores: Sequence[Score]) -> Pool:
    """Rank by score, then by the size of the group of equal answers, then by index; the sequences run parallel."""
    ballot = exact_ballot(candidates)
    ranking = rank(candidates, [score.value for score in scores], group_sizes(ballot.groups))
    return Pool(tuple(candidates), tuple(scores), ballot, ranking.order)
