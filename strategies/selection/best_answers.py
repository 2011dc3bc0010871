"""Choose among answers rather than responses: the best groups, each represented by its best member."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from strategies.answers.groups import Group, GroupRanking, rank_groups, representative
from strategies.answers.voting_strategy import Ballot
from strategies.base.types import Candidate, Outcome, Score
from strategies.selection.outcome import best_responses, outcome_of


def best_answers(
    candidates: Sequence[Candidate],
    scores: Sequence[Score],
    ballot: Ballot,
    groups: Sequence[Group],
    k: int,
    order: Callable[[Sequence[Group]], GroupRanking] = rank_groups,
) -> Outcome:
    """The `k` best of `groups` by `order`: higher reward, then larger, then first. Of fewer, fewer come back.

    A candidate without an answer is in no group, so it is returned only where no candidate has one, ranked by its
    own score, and then the outcome is degraded as `no_answer`.
    """
    if not groups:
        return without_answers(candidates, scores, ballot, k)
    ranking = order(groups)
    values = [score.value for score in scores]
    selected = [representative(group, values) for group in ranking.order[:k]]
    rewards = {group.number: group.reward for group in groups}
    return outcome_of(candidates, scores, ballot, selected, rewards=rewards, tie=ranking.tie)


def without_answers(
    candidates: Sequence[Candidate], scores: Sequence[Score], ballot: Ballot, k: int
) -> Outcome:
    """What is left to return where no candidate has an answer, and the word for it."""
    outcome = best_responses(candidates, scores, ballot, k)
    return replace(outcome, degraded=outcome.degraded or "no_answer")
