"""Best-of-N: draw N candidates and return the one that the reward model likes most.

Source: the baseline of every test-time scaling paper; N i.i.d. samples, argmax of the score (for instance
`search/best_of_n.py` of huggingface/search-and-learn). Ties follow the house rule: higher score, larger
group of equal answers, lower index.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from strategies.answers.extract import answer_of
from strategies.answers.vote import group_ids, group_sizes, votes
from strategies.base.ports import Engine, Scorers
from strategies.base.ranking import rank
from strategies.base.types import Candidate, Fate, Outcome, Prompt, Score, Verdict
from strategies.drawing.draw import draw_scored
from strategies.drawing.judge import ScoredStrategy


class BestOfN(ScoredStrategy):
    """Draw N candidates, return the one that the reward model likes most."""

    name: ClassVar[str] = "best_of_n"

    n: int = Field(8, ge=1, description="Candidates to draw.")

    def draws(self, k: int) -> int:
        return max(self.n, k)

    async def run(self, prompt: Prompt, engine: Engine, scorers: Scorers) -> Outcome:
        judge = self.judge(scorers)
        fail_fast = self.on_scorer_error == "fail"
        drawn = await draw_scored(
            self._asking(prompt), self.draws(prompt.k), engine, judge, fail_fast=fail_fast
        )
        if drawn.failure is None:
            return select(drawn.candidates, drawn.scores, prompt.k)
        stand_ins = [self._stand_in(candidate) for candidate in drawn.candidates]
        outcome = select(drawn.candidates, stand_ins, prompt.k)
        return replace(outcome, degraded=f"scorer_failed_{self.on_scorer_error}")

    def _asking(self, prompt: Prompt) -> Prompt:
        """A fall-back on log-probabilities needs them to be there when the scorer fails."""
        if self.on_scorer_error != "logprob" or prompt.decoding.logprobs is not None:
            return prompt
        return replace(prompt, decoding=replace(prompt.decoding, logprobs=0))

    def _stand_in(self, candidate: Candidate) -> Score:
        """What replaces the scores when the scorer failed; with none at all, the larger group wins."""
        if self.on_scorer_error == "majority" or candidate.logprob is None:
            return Score()
        return Score(candidate.logprob / max(candidate.tokens, 1))


def select(candidates: Sequence[Candidate], scores: Sequence[Score], k: int) -> Outcome:
    """The `k` best of `candidates` by score, best first. The sequences run parallel; pure and deterministic.

    Invalid candidates (empty, cut off, failed) never beat a valid one: one is returned only where no valid
    candidate is left, and then the outcome is degraded as `no_valid_candidate`.
    """
    answers = [answer_of(candidate) for candidate in candidates]
    groups = group_ids(answers)
    ranking = rank(candidates, [score.value for score in scores], group_sizes(groups))
    selected = _returnable(candidates, ranking.order)[:k]
    fates = [_fate(candidate, i in selected) for i, candidate in enumerate(candidates)]
    verdicts = tuple(map(Verdict, candidates, fates, scores, answers, groups))
    degraded = None if any(c.is_valid for c in candidates) else "no_valid_candidate"
    return Outcome(verdicts, selected, votes(answers, groups), ranking.tie, degraded)


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
