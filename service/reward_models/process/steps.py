"""Where a process reward model reads each step: the answer's steps in, token ids and one position a step out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from service.reward_models.base.rendering import Conversations
from strategies.base.types import Message


@dataclass(frozen=True, slots=True)
class StepInput:
    """What a model reads of one answer, and at which of its tokens (never falling) it judges each step."""

    ids: list[int]
    positions: list[int]


class StepLayout(Protocol):
    """One convention of showing steps to a model."""

    def lay_out(self, messages: Sequence[Message], steps: Sequence[str]) -> StepInput | None:
        """The input; None where there is nothing to judge. The steps join to the answer, the last may be unfinished.

        InvalidRequest where the template refuses the chat; PoolingFailed where a tag cannot be read as its token.
        """


@dataclass(frozen=True, slots=True)
class EndsOfSteps:
    """The answer as it stands, in the model's chat template; a step is read at the token that ends it.

    Text is never added, and a step that ends inside a token is read at the token that covers its end. The
    convention of our embedded reward model, and of every head that was trained on all tokens.
    """

    tokenizer: Conversations

    def lay_out(self, messages: Sequence[Message], steps: Sequence[str]) -> StepInput | None:
        conversation = self.tokenizer.conversation(messages, "".join(steps))
        if not steps:
            return StepInput(conversation.ids, [])
        if not any(end >= 0 for end in conversation.answer_ends):
            return None
        return StepInput(conversation.ids, conversation.tokens_at(list(accumulate(map(len, steps)))))
