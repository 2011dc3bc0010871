"""Each step of a response judged by a pooling model: the head is read at the token that ends the step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from service.reward_models.base import PoolingModel, Reading, Row, TokenQuery, failures_of
from service.reward_models.head import Head
from service.reward_models.inputs import Conversations, ReadConversation, conversations
from service.reward_models.memo import Key, RowMemo, keys_of
from strategies.base.ports import StepScores
from strategies.base.types import Prompt


@dataclass(frozen=True, slots=True)
class PooledStepScorer:
    """A step scorer on a `*ForSequenceClassification` checkpoint read at every token.

    Steps are those that the caller gives, never what the text looks like: separators inside a step add none. A
    step that ends inside a token is read at the token that covers its end. Equal answers are read once, and so is
    a step that has been read before after the same text.
    """

    name: str
    tokenizer: Conversations
    model: PoolingModel
    head: Head
    delimiter: str = "\n"
    memo: RowMemo = field(default_factory=RowMemo)

    async def score(self, prompt: Prompt, answers: Sequence[Sequence[str]]) -> StepScores:
        """One number a step, in order; None for an answer of which the template leaves no token to read.

        ScorerFailed, with its reason, if one answer cannot be scored.
        """
        distinct = list(dict.fromkeys(tuple(steps) for steps in answers))
        with failures_of(self.name):
            texts = ["".join(steps) for steps in distinct]
            rendered = await conversations(self.tokenizer, prompt, texts)
            wanted = [_Wanted.of(*pair) for pair in zip(rendered, distinct, strict=True)]
            readings = await self._read(wanted)
            values = [self._values(item) for item in wanted]
        for item in wanted:
            self.memo.learn(item.rows)
        by_steps = dict(zip(distinct, values, strict=True))
        return StepScores(
            tuple(by_steps[tuple(steps)] for steps in answers),
            tokens=sum(reading.tokens for reading in readings),
            cached=sum(reading.cached for reading in readings),
        )

    async def _read(self, wanted: Sequence["_Wanted"]) -> list[Reading]:
        """Fill in the rows of each; those in the memo cost nothing, the others are asked for in one go."""
        for item in wanted:
            item.rows.update(self.memo.known(item.keys))
        asked = [(item, item.missing) for item in wanted if item.missing]
        remembered = [
            Reading((), len(item.ids), len(item.ids)) for item in wanted if item.keys and not item.missing
        ]
        readings = await self.model.token_classify(
            [TokenQuery(item.ids, list(missing)) for item, missing in asked]
        )
        for (item, missing), reading in zip(asked, readings, strict=True):
            item.rows.update(zip(missing.values(), reading.rows, strict=True))
        return [*readings, *remembered]

    def _values(self, item: "_Wanted") -> tuple[float, ...] | None:
        if not item.is_readable:
            return None
        return tuple(self.head.value(item.rows[key]) for key in item.keys)


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """One answer: where its steps end, the memo's keys of those places, and the rows found for them so far."""

    ids: list[int]
    positions: list[int]
    keys: list[Key]
    is_readable: bool
    rows: dict[Key, Row] = field(default_factory=dict)

    @classmethod
    def of(cls, conversation: ReadConversation, steps: Sequence[str]) -> "_Wanted":
        has_tokens = any(end >= 0 for end in conversation.answer_ends)
        ends = list(accumulate(map(len, steps)))
        positions = conversation.tokens_at(ends) if ends and has_tokens else []
        return cls(conversation.ids, positions, keys_of(conversation.ids, positions), has_tokens or not ends)

    @property
    def missing(self) -> dict[int, Key]:
        """The positions whose rows are not known yet; two steps that end in one token are one position."""
        return {at: key for at, key in zip(self.positions, self.keys, strict=True) if key not in self.rows}
