"""An implicit process reward model: two causal language models read the same answer, and their ratio judges it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.reward_models.base.errors import PoolingFailed, failures_of
from service.reward_models.base.language import TextQuery, TokenLogprobs
from service.reward_models.base.ports import PoolingOutput
from service.reward_models.base.rendering import Conversations, ReadConversation, conversations
from strategies.base.concurrency import gather_in_order
from strategies.base.ports import StepScores
from strategies.base.types import Prompt
from strategies.scores.implicit import BETA, Integration, step_rewards, token_rewards


@dataclass(frozen=True, slots=True)
class ImplicitStepScorer:
    """A step scorer by the log-likelihood ratio of `policy` and `reference` (arXiv 2412.01981).

    Both read the chat in the policy's template, and the answer's tokens are judged: neither the prompt's nor those
    with which the template ends a turn. A token belongs to the step in which it ends. Equal answers are read once.
    """

    name: str
    tokenizer: Conversations
    policy: TokenLogprobs
    reference: TokenLogprobs
    beta: float = BETA
    integration: Integration = "cumulative"
    delimiter: str = "\n\n"

    async def score(self, prompt: Prompt, answers: Sequence[Sequence[str]]) -> StepScores:
        """One number a step, in order; None for an answer of which the template leaves no token to judge.

        ScorerFailed, with its reason, if one answer cannot be scored.
        """
        distinct = list(dict.fromkeys(tuple(steps) for steps in answers))
        with failures_of(self.name):
            rendered = await conversations(self.tokenizer, prompt, ["".join(steps) for steps in distinct])
            spans = [_Span.of(*pair) for pair in zip(rendered, distinct, strict=True)]
            readings = await self._read([span.query for span in spans if span is not None and span.ends])
            pairs = iter(zip(*readings, strict=True))
            values = [self._values(span, pairs) for span in spans]
        by_steps = dict(zip(distinct, values, strict=True))
        return StepScores(
            tuple(by_steps[tuple(steps)] for steps in answers),
            tokens=sum(reading.tokens for of_model in readings for reading in of_model),
            cached=sum(reading.cached for of_model in readings for reading in of_model),
        )

    async def _read(self, queries: Sequence[TextQuery]) -> tuple[list[PoolingOutput], list[PoolingOutput]]:
        """What the two models say. The first failure cancels the other's reading and is the one raised."""
        models = (self.policy, self.reference)
        ours, theirs = await gather_in_order([_logprobs(model, queries) for model in models])
        return ours, theirs

    def _values(
        self, span: "_Span | None", pairs: Iterator[tuple[PoolingOutput, PoolingOutput]]
    ) -> tuple[float, ...] | None:
        if span is None:
            return None
        if not span.ends:
            return ()
        ours, theirs = next(pairs)
        rewards = token_rewards(ours.rows[0], theirs.rows[0], self.beta)
        if not all(map(math.isfinite, rewards)):
            raise PoolingFailed("a token's likelihood ratio is not finite, which is no score", "not_finite")
        return step_rewards(rewards, span.ends, self.integration)


@dataclass(frozen=True, slots=True)
class _Span:
    """The answer's tokens in a rendered chat, and how many of them each step and those before it have."""

    query: TextQuery
    ends: list[int]

    @classmethod
    def of(cls, conversation: ReadConversation, steps: Sequence[str]) -> "_Span | None":
        inside = [at for at, end in enumerate(conversation.answer_ends) if end >= 0]
        if not steps:
            return cls(TextQuery(conversation.ids, 1), [])
        # The very first token of an input has no probability; no template lets an answer begin there.
        if not inside or inside[0] == 0:
            return None
        ends, length = list[int](), 0
        for step in steps:
            length += len(step)
            ends.append(length)
        places = conversation.tokens_at(ends)
        return cls(
            TextQuery(conversation.ids[: inside[-1] + 1], inside[0]), [at - inside[0] + 1 for at in places]
        )


async def _logprobs(model: TokenLogprobs, queries: Sequence[TextQuery]) -> list[PoolingOutput]:
    readings = await model.logprobs(queries) if queries else []
    for query, reading in zip(queries, readings, strict=True):
        if len(reading.rows[0]) != len(query.ids) - query.start:
            raise PoolingFailed(
                f"{len(reading.rows[0])} probabilities for {len(query.ids) - query.start} tokens", "error"
            )
    return readings
