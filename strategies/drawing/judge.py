"""The parameters of a strategy that asks a reward model, and the one function that asks it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from strategies.answers.steps import split_steps
from strategies.base.ports import OutcomeScorer, ScorerKind, Scorers, StepScorer
from strategies.base.strategy import Strategy
from strategies.base.types import Candidate, Prompt, Score
from strategies.scores.aggregate import Aggregation, aggregate

Judge = Callable[[Prompt, Candidate], Awaitable[Score]]
"""One candidate in, one score out; a score that the candidate brought along is used as it is."""


class ScoredStrategy(Strategy):
    """A strategy that asks a reward model, outcome or step, and says what to do should it fail."""

    scorer_kinds: ClassVar[tuple[ScorerKind, ...]] = ("outcome", "step")

    scorer: str | None = Field(
        None, description="Name of a loaded scorer (default: the first one that fits)."
    )
    aggregation: Aggregation = Field("min", description="How a step scorer's scores become one number.")
    on_scorer_error: Literal["fail", "majority", "logprob"] = Field(
        "fail", description="If the scorer fails: an error, or select by majority or by mean log-probability."
    )

    def judge(self, scorers: Scorers) -> Judge:
        """The scorer that the request means, as one function; unknown or unfit names raise here."""
        name = self.scorer or scorers.default(self.scorer_kinds)
        if scorers.kind(name) == "step":
            return _step_judge(scorers.step(name), self.aggregation)
        return _outcome_judge(scorers.outcome(name), self.aggregation)

    def asking(self, prompt: Prompt) -> Prompt:
        """The prompt to draw with: a fall-back on log-probabilities needs them to be there when the scorer fails."""
        if self.on_scorer_error != "logprob" or prompt.decoding.logprobs is not None:
            return prompt
        return replace(prompt, decoding=replace(prompt.decoding, logprobs=0))

    def stand_in(self, candidate: Candidate) -> Score:
        """What replaces the scores when the scorer failed; with none at all, the larger group wins."""
        if self.on_scorer_error == "majority" or candidate.logprob is None:
            return Score()
        return Score(candidate.logprob / max(candidate.tokens, 1))

    @property
    def without_scorer(self) -> str:
        """The word for an outcome that had to do without the scorer."""
        return f"scorer_failed_{self.on_scorer_error}"


def _outcome_judge(scorer: OutcomeScorer, aggregation: Aggregation) -> Judge:
    async def judge(prompt: Prompt, candidate: Candidate) -> Score:
        if candidate.score is not None:
            return _carried(candidate.score, aggregation)
        return Score((await scorer.score(prompt, [candidate.text])).values[0])

    return judge


def _step_judge(scorer: StepScorer, aggregation: Aggregation) -> Judge:
    async def judge(prompt: Prompt, candidate: Candidate) -> Score:
        if candidate.score is not None:
            return _carried(candidate.score, aggregation)
        steps = split_steps(candidate.text, scorer.delimiter)
        return _carried(Score(None, (await scorer.score(prompt, [steps])).values[0] or ()), aggregation)

    return judge


def _carried(score: Score, aggregation: Aggregation) -> Score:
    """A score given as steps alone becomes a number by the request's aggregation."""
    if score.value is not None or not score.steps:
        return score
    return Score(aggregate(score.steps, aggregation), score.steps)
