"""The parameters of a strategy that asks a reward model, and the one function that asks it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from strategies.answers.steps import split_steps
from strategies.base.errors import InvalidRequest
from strategies.base.ports import (
    OutcomeScorer,
    StepScorer,
)
from strategies.base.response import Response
from strategies.base.types import Candidate, Prompt, Score
from strategies.sampling.shown import content_of
from strategies.scores.aggregate import Aggregation, aggregate


@dataclass(frozen=True, slots=True)
class CandidateScorer:
    """One scorer, asked about candidates; a score that a candidate brought along is used as it is.

    `ask` scores texts of one prompt, `read` is what it is shown of a candidate. A judge that `compares` has to be
    asked about all candidates together.
    """

    ask: Callable[[Prompt, Sequence[str]], Awaitable[Sequence[Score]]]
    aggregation: Aggregation = "min"
    compares: bool = False
    read: Callable[[Candidate], str] = content_of

    async def __call__(self, prompt: Prompt, candidate: Candidate) -> Score:
        """The score of one candidate by itself."""
        return (await self.together(prompt, [candidate]))[0]

    async def together(self, prompt: Prompt, candidates: Sequence[Candidate]) -> list[Score]:
        """The scores of all candidates, in order; those that bring theirs along are not asked about."""
        bare = [self.read(candidate) for candidate in candidates if candidate.score is None]
        told = iter(await self.ask(prompt, bare) if bare else ())
        return [_carried(c.score or next(told), self.aggregation) for c in candidates]


def ask_outcome(scorer: OutcomeScorer) -> Callable[[Prompt, Sequence[str]], Awaitable[list[Score]]]:
    async def ask(prompt: Prompt, texts: Sequence[str]) -> list[Score]:
        return [Score(value) for value in (await scorer.score(prompt, texts)).values]

    return ask


def ask_steps(scorer: StepScorer) -> Callable[[Prompt, Sequence[str]], Awaitable[list[Score]]]:
    async def ask(prompt: Prompt, texts: Sequence[str]) -> list[Score]:
        if any(isinstance(text, Response) for text in texts):
            message = f"step scorer {scorer.name!r} judges the steps of a text, and a candidate calls tools"
            raise InvalidRequest(message, param="strategy.scorer")
        steps = [split_steps(text, scorer.delimiter) for text in texts]
        return [Score(None, values or ()) for values in (await scorer.score(prompt, steps)).values]

    return ask


def _carried(score: Score, aggregation: Aggregation) -> Score:
    """A score given as steps alone becomes a number by the request's aggregation."""
    if score.value is not None or not score.steps:
        return score
    return Score(aggregate(score.steps, aggregation), score.steps)
