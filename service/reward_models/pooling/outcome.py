"""A whole response judged by a pooling model: the head is read at the last token of the conversation."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.reward_models.base.distinct import DistinctTexts
from service.reward_models.base.errors import failures_of
from service.reward_models.base.ports import PoolingModel
from service.reward_models.base.rendering import Conversations, conversations
from service.reward_models.pooling.head import Head
from strategies.base.ports import OutcomeScores
from strategies.base.types import Prompt


@dataclass(frozen=True, slots=True)
class PooledOutcomeScorer:
    """An outcome scorer on a `*ForSequenceClassification` checkpoint, or one with a reward head.

    The input is the chat and the answer in the model's own chat template, or as a pair, as model cards prescribe;
    the head is read where transformers reads it, at the last token that is not `pad_token_id`, or at the
    `end_token_id` that the model was trained with. Equal texts are read once. With `truncates` an input that is too
    long is read without its beginning, and told of.
    """

    name: str
    tokenizer: Conversations
    model: PoolingModel
    head: Head
    pad_token_id: int | None = None
    end_token_id: int | None = None
    truncates: bool = False

    async def score(self, prompt: Prompt, texts: Sequence[str]) -> OutcomeScores:
        """One number a text, higher is better. ScorerFailed, with its reason, if one text cannot be scored."""
        distinct = DistinctTexts(texts)
        with failures_of(self.name):
            rendered = await conversations(self.tokenizer, prompt, distinct.texts)
            whole = [self._up_to_the_head(item.ids) for item in rendered]
            readings = await self.model.classify([self._fitted(ids) for ids in whole])
            values = [self.head.value(reading.rows[0]) for reading in readings]
        cut = {
            text for text, ids in zip(distinct.texts, whole, strict=True) if len(self._fitted(ids)) < len(ids)
        }
        return OutcomeScores(
            distinct.spread(values),
            tokens=sum(reading.tokens for reading in readings),
            cached=sum(reading.cached for reading in readings),
            truncated=distinct.positions(cut),
        )

    def _up_to_the_head(self, ids: list[int]) -> list[int]:
        if self.end_token_id is not None:
            return ids if ids[-1:] == [self.end_token_id] else [*ids, self.end_token_id]
        end = len(ids)
        # One token always stays, though a template that renders nothing but padding would be a strange one.
        while end > 1 and ids[end - 1] == self.pad_token_id:
            end -= 1
        return ids[:end]

    def _fitted(self, ids: list[int]) -> list[int]:
        return ids[-self.model.max_model_len :] if self.truncates else ids
