"""GenORM and GenPRM: a generator is asked whether an answer, or a step of one, is right; the score is P(yes).

Sources: generative verifiers (arXiv 2408.15240); GenORM and GenPRM of Multi-RM (arXiv 2510.00492): reason first, then
one word, P(Yes) / (P(Yes) + P(No)) at its token, the mean over several samples; GenPRM (arXiv 2504.00891) judges step
by step. Theirs put 0.5 where there is no verdict; ours abstains. GenPRM's reference runs the code that its model
writes; nothing that a model writes is run here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain

from service.reward_models.base.builder import Built, Materials
from service.reward_models.base.distinct import DistinctTexts
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.base.request_scope import RequestScope
from service.reward_models.judges.judge import JudgeClient, client, question_about
from service.reward_models.judges.settings import GenerativeSettings
from strategies.base.concurrency import gather_in_order
from strategies.base.ports import OutcomeScores, StepScores
from strategies.base.types import Candidate, Prompt
from strategies.scores.yes_probability import mean_verdict, probability_of_yes, verdict_token

_ALTERNATIVES = 20
"""Likeliest tokens looked at where the verdict stands: as many as vLLM gives by default."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How a verdict is asked for, and read: the last line of a reply is the marker and one of two words."""

    settings: GenerativeSettings

    def task(self, question: str) -> str:
        marker, (yes, no) = self.settings.marker, self.settings.words
        first = "First check it step by step, in a few sentences." if self.settings.reasoning else ""
        last = "Then end your reply with" if self.settings.reasoning else "Your whole reply is"
        return (
            f"Your task: {question}\n\n{first} {last} exactly one line, which reads\n\n{marker} {yes}\n\n"
            f"if the answer to that is yes, and\n\n{marker} {no}\n\nif it is not."
        ).replace("\n\n ", "\n\n")

    def read(self, reply: Candidate) -> float | None:
        """P(yes) where the reply ends with a verdict in the form that was asked for; None otherwise."""
        marker, words = self.settings.marker, self.settings.words
        told = "|".join(re.escape(word) for word in words)
        if not re.search(rf"{re.escape(marker)}[\s*_`]*(?:{told})[\s*_`.]*\Z", reply.content, re.IGNORECASE):
            return None
        token = verdict_token(reply.logprobs, words)
        return None if token is None else probability_of_yes(token, words)


@dataclass(frozen=True, slots=True)
class GenerativeOutcomeScorer:
    """An outcome scorer: P(yes) to a question about the whole answer. Equal texts are judged once."""

    name: str
    client: JudgeClient
    verdicts: Verdicts

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        """One probability a text; None where no sample gave a verdict that can be read."""
        distinct = DistinctTexts(texts)
        values = await gather_in_order([self._judged(prompt, text) for text in distinct.texts])
        return OutcomeScores(distinct.spread(values))

    def bound_to(self, view: RequestScope) -> "GenerativeOutcomeScorer":
        return replace(self, client=self.client.bound_to(view))

    async def _judged(self, prompt: Prompt, text: str) -> float | None:
        task = self.verdicts.task(self.verdicts.settings.question or "Is the answer to the request correct?")
        asked = question_about(prompt, "one answer to it", [("The answer:", text)], task)
        return mean_verdict([self.verdicts.read(reply) for reply in await self.client.replies(prompt, asked)])


@dataclass(frozen=True, slots=True)
class GenerativeStepScorer:
    """A step scorer: P(yes) to a question about each step, given those before it.

    Within a request a step is judged once, however often the answer that it stands in is scored as it grows: `memo`
    holds the verdicts by question.
    """

    name: str
    client: JudgeClient
    verdicts: Verdicts
    delimiter: str
    memo: dict[str, float | None] | None = None

    async def score(self, prompt: Prompt, answers: Sequence[Sequence[str]]) -> StepScores:
        """One probability a step; None for an answer with a step on which no sample gave a verdict."""
        asked = [self._questions(prompt, steps) for steps in answers]
        known = {} if self.memo is None else self.memo
        new = [question for question in dict.fromkeys(chain(*asked)) if question not in known]
        verdicts = await gather_in_order([self._judged(prompt, question) for question in new])
        known.update(zip(new, verdicts, strict=True))
        return StepScores(tuple(_all_or_none([known[question] for question in row]) for row in asked))

    def bound_to(self, view: RequestScope) -> "GenerativeStepScorer":
        return replace(self, client=self.client.bound_to(view), memo={})

    def _questions(self, prompt: Prompt, steps: Sequence[str]) -> list[str]:
        task = self.verdicts.task(
            self.verdicts.settings.question
            or "Is the step to be judged correct, given what stands before it?"
        )
        before = list(accumulate(steps, initial=""))
        return [
            question_about(prompt, "the steps of one answer to it", _quotations(so_far, step), task)
            for so_far, step in zip(before, steps, strict=False)
        ]

    async def _judged(self, prompt: Prompt, question: str) -> float | None:
        replies = await self.client.replies(prompt, question)
        return mean_verdict([self.verdicts.read(reply) for reply in replies])


def build(settings: GenerativeSettings, materials: Materials) -> Built:
    """A judge of answers or of steps on a configured generator."""
    generator, judges = client(settings, materials, logprobs=_ALTERNATIVES)
    verdicts = Verdicts(settings)
    delimiter = settings.step_delimiter if settings.kind == "step" else None
    info = ScorerInfo(
        settings.name,
        settings.kind,
        settings.backend,
        model=generator,
        generator=generator,
        step_delimiter=delimiter,
    )
    if delimiter is None:
        return Built(info, outcome=GenerativeOutcomeScorer(settings.name, judges, verdicts))
    return Built(info, step=GenerativeStepScorer(settings.name, judges, verdicts, delimiter))


def _quotations(so_far: str, step: str) -> list[tuple[str, str]]:
    before = [("The steps before it:", so_far)] if so_far else []
    return [*before, ("The step to be judged:", step)]


def _all_or_none(values: Sequence[float | None]) -> tuple[float, ...] | None:
    present = tuple(value for value in values if value is not None)
    return present if len(present) == len(values) else None
