"""Best-of-Majority: of the answers that enough candidates give, return the k that the reward model likes most.

Source: Algorithm 3 of arXiv 2510.03199 (Di, Ji, Li, Zhao, Gu); in code `pessimistic_select_k` of jkx19/PassAtK
(`grader.py`). Ours differs where theirs is silent or breaks: no answer is no group, survivors alone are scored, an
empty gate is widened and flagged, and ties follow the common rule (`strategies.base.ranking`).
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import ClassVar, Self

from pydantic import Field

from strategies.answers.groups import Group, Reward, grouped, rank_groups, representative
from strategies.answers.voting_strategy import Ballot
from strategies.base.errors import ScorerFailed
from strategies.base.ports import Engine, Scorers
from strategies.base.types import Candidate, Outcome, Prompt, Score
from strategies.sampling.sample import Sampled
from strategies.sampling.score_tasks import ScoreTasks
from strategies.sampling.scored_strategy import ScoredStrategy
from strategies.sampling.stopping import Stop
from strategies.sampling.stopping_strategy import StoppingStrategy
from strategies.selection.best_answers import without_answers
from strategies.selection.outcome import outcome_of


class BestOfMajority(StoppingStrategy, ScoredStrategy):
    """Draw N candidates, return the best-scored of the answers that enough of them give."""

    name: ClassVar[str] = "best_of_majority"

    exact_stop: ClassVar[bool] = False

    n: int = Field(16, ge=1, description="Candidates to draw.")
    stop: Stop = Field("none", description="When to stop the draw, by the count of answers; see `majority`.")
    alpha: float = Field(
        0.005, ge=0, le=1, description="Share of the candidates drawn that an answer needs to pass the gate."
    )
    min_count: int = Field(2, ge=1, description="Candidates that an answer needs to pass the gate, at least.")
    group_reward: Reward = Field("mean", description="How the scores of equal answers become one reward.")
    fill: bool = Field(
        False, description="If fewer answers than asked for pass the gate: add the next largest groups."
    )

    def num_samples(self, k: int) -> int:
        return max(self.n, k)

    def for_precomputed(self, count: int) -> Self:
        return super().for_precomputed(count).model_copy(update={"n": count})

    async def run(self, prompt: Prompt, engine: Engine, scorers: Scorers) -> Outcome:
        judge, fail_fast = self.judge(scorers), self.on_scorer_error == "fail"
        async with ScoreTasks(judge, prompt, fail_fast=fail_fast) as questions:
            sampled = await self._draw(prompt, engine, questions)
            candidates = sampled.candidates
            ballot = await self.ballot(candidates, scorers)
            gate = self._gate(ballot, prompt.k)
            for position in _to_score(candidates, gate):
                questions.submit_invalid(candidates[position])
            failure = await questions.settle()
            scores = self._scores(candidates, gate, questions, failure)
        outcome = select(candidates, scores, ballot, gate, prompt.k, self.group_reward)
        outcome = replace(outcome, details={**outcome.details, **sampled.details})
        return outcome if failure is None else replace(outcome, degraded=self.without_scorer)

    async def _draw(self, prompt: Prompt, engine: Engine, questions: ScoreTasks) -> Sampled:
        """Draw, and have an answer's candidates judged as soon as it is sure to pass the gate."""
        n = self.num_samples(prompt.k)
        bar = threshold(n, self.alpha, self.min_count)
        waiting: dict[str, list[Candidate]] = {}
        count: Counter[str] = Counter()

        def judge_if_through(candidate: Candidate) -> None:
            answer = self.answer.read(candidate)
            if answer is not None:
                count[answer.key] += 1
                waiting.setdefault(answer.key, []).append(candidate)
                if count[answer.key] >= bar:
                    for member in waiting.pop(answer.key):
                        questions.submit(member)
            questions.check()

        return await self.draw_votes(self.asking(prompt), n, engine, judge_if_through)

    def _gate(self, ballot: Ballot, k: int) -> "FrequencyFilter":
        bar = threshold(len(ballot.groups), self.alpha, self.min_count)
        return gated(grouped(ballot.groups, [None] * len(ballot.groups)), bar, k if self.fill else 1)

    def _scores(
        self,
        candidates: Sequence[Candidate],
        gate: "FrequencyFilter",
        questions: ScoreTasks,
        failure: ScorerFailed | None,
    ) -> list[Score]:
        if failure is not None:
            return [self.fallback_score(candidate) for candidate in candidates]
        scored = set(_to_score(candidates, gate))
        return [questions.score(c) if i in scored else Score() for i, c in enumerate(candidates)]


@dataclass(frozen=True, slots=True)
class FrequencyFilter:
    """The groups that passed, those added to make up the number, and whether the bar was lowered to pass any."""

    bar: int
    passed: tuple[Group, ...]
    added: tuple[Group, ...] = ()
    relaxed: bool = False


def threshold(drawn: int, alpha: float, min_count: int) -> int:
    """How many candidates an answer needs: count / drawn >= alpha, reckoned exactly, and count >= min_count.

    In floating point 0.07 * 100 is more than 7; `alpha` is taken as the decimal that was written.
    """
    return max(min_count, math.ceil(Fraction(repr(alpha)) * drawn))


def gated(groups: Sequence[Group], bar: int, wanted: int = 1) -> FrequencyFilter:
    """Which groups reach the bar; where none does, the largest do; where fewer than `wanted` do, the next largest too.

    All groups as large as the smallest one added are added, so that the reward decides among them.
    """
    if not groups:
        return FrequencyFilter(bar, ())
    sizes = sorted((group.size for group in groups), reverse=True)
    reached = min(bar, sizes[0])
    lowest = sizes[min(wanted, len(sizes)) - 1]
    passed = tuple(group for group in groups if group.size >= reached)
    added = tuple(group for group in groups if lowest <= group.size < reached)
    return FrequencyFilter(bar, passed, added, relaxed=reached < bar)


def select(
    candidates: Sequence[Candidate],
    scores: Sequence[Score],
    ballot: Ballot,
    gate: FrequencyFilter,
    k: int,
    reward: Reward = "mean",
) -> Outcome:
    """The representatives of the `k` best groups of the gate: what passed by reward, then what was added, larger first.

    Pure and deterministic. Where no candidate has an answer the best response is returned, as `no_answer`; where the
    gate had to be widened the outcome is degraded as `threshold_relaxed`.
    """
    if not gate.passed:
        return without_answers(candidates, scores, ballot, k)
    values = [score.value for score in scores]
    rewards = {g.number: g for g in grouped(ballot.groups, values, reward)}
    ranking = rank_groups([rewards[group.number] for group in gate.passed])
    added = rank_groups([rewards[group.number] for group in gate.added]).order
    order = [*ranking.order, *sorted(added, key=lambda group: -group.size)]
    selected = [representative(group, values) for group in order[:k]]
    return outcome_of(
        candidates,
        scores,
        ballot,
        selected,
        rewards={group.number: group.reward for group in order},
        tie=ranking.tie,
        degraded="threshold_relaxed" if gate.relaxed else None,
        details={"bar": gate.bar, "survivors": 0 if gate.relaxed else len(gate.passed)},
    )


def _to_score(candidates: Sequence[Candidate], gate: FrequencyFilter) -> list[int]:
    """The positions to have judged: the members of the gate's groups; without any group, whatever may be returned."""
    if gate.passed:
        return sorted(i for group in (*gate.passed, *gate.added) for i in group.members)
    valid = [i for i, candidate in enumerate(candidates) if candidate.is_valid]
    return valid or list(range(len(candidates)))
