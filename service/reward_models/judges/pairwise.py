"""A pairwise judge: two answers side by side, in both orders, evidence first; the score is the share of wins.

Source: "Large Language Models are not Fair Evaluators" (arXiv 2305.17926; FairEval): a judge prefers a position, so
every pair is read in both orders and the verdicts are averaged, and it explains before it decides. A reply without a
verdict is dropped, and with it the pair if the other order stands alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from service.reward_models.base.builder import Built, Materials
from service.reward_models.base.distinct import DistinctTexts
from service.reward_models.base.ports import ScorerInfo
from service.reward_models.base.request_scope import RequestScope
from service.reward_models.judges.judge import JudgeClient, client, question_about
from service.reward_models.judges.settings import PairwiseSettings
from strategies.base.concurrency import gather_in_order
from strategies.base.ports import OutcomeScores
from strategies.base.types import Candidate, Prompt
from strategies.scores.win_rates import Comparison, Winner, pairs, win_rates

_TASK: Final = """\
Your task: {question}

First compare the two answers in a few sentences: what is right and what is wrong in each. The order in which they \
stand means nothing, and neither does their length. Then end your reply with exactly one line, which reads

Verdict: A

if answer A is better,

Verdict: B

if answer B is better, and

Verdict: tie

if neither is."""

_VERDICT: Final = re.compile(r"Verdict:[\s*_`\[]*(A|B|tie)[\s*_`\].]*\Z", re.IGNORECASE)
_WINNERS: Final[dict[str, Winner]] = {"a": "first", "b": "second", "tie": "tie"}


@dataclass(frozen=True, slots=True)
class PairwiseScorer:
    """An outcome scorer that compares answers; it is asked about all at once, and equal texts are one answer.

    An answer that had no comparison with a verdict in both orders, or that is the only one, has no score.
    """

    name: str
    client: JudgeClient
    question: str
    opponents: int | None = None

    @property
    def compares(self) -> Literal[True]:
        return True

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        distinct = DistinctTexts(texts)
        orders = [
            order
            for one, other in pairs(len(distinct.texts), self.opponents)
            for order in ((one, other), (other, one))
        ]
        read = await gather_in_order([self._compared(prompt, distinct.texts, *order) for order in orders])
        rates = win_rates(
            len(distinct.texts), [comparison for comparisons in read for comparison in comparisons]
        )
        return OutcomeScores(distinct.spread(rates))

    def bound_to(self, view: RequestScope) -> "PairwiseScorer":
        return replace(self, client=self.client.bound_to(view))

    async def _compared(
        self, prompt: Prompt, texts: Sequence[str], first: int, second: int
    ) -> list[Comparison]:
        quotations = [("Answer A:", texts[first]), ("Answer B:", texts[second])]
        task = _TASK.format(question=self.question)
        asked = question_about(prompt, "two answers to it", quotations, task)
        replies = await self.client.replies(prompt, asked)
        return [Comparison(first, second, winner_of(reply)) for reply in replies]


def winner_of(reply: Candidate) -> Winner | None:
    """What a reply says in its last line; None where it says nothing in the form that was asked for."""
    found = _VERDICT.search(reply.content)
    return _WINNERS[found[1].casefold()] if found else None


def build(settings: PairwiseSettings, materials: Materials) -> Built:
    """A judge of pairs on a configured generator."""
    generator, judges = client(settings, materials)
    question = settings.question or "Say which of two answers to the request is better."
    info = ScorerInfo(
        settings.name, "outcome", settings.backend, model=generator, generator=generator, compares=True
    )
    return Built(info, outcome=PairwiseScorer(settings.name, judges, question, settings.opponents))
