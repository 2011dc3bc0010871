"""Question and answer as a pair, as cross-encoders read it: special tokens by the tokenizer's own recipe."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from service.engine.tokenizer.chat_tokenizer import Conversation
from service.reward_models.base.rendering import question_of
from strategies.base.errors import InvalidRequest
from strategies.base.response import Response
from strategies.base.types import Message, Tools


class PairTokenizer:
    """A cross-encoder's tokenizer; a control token that a caller spells stays plain text.

    `types_after` is the token that ends the first text, for models that are told by types which text a token is of.
    """

    def __init__(self, folder: Path) -> None:
        """ValueError if it is a slow one, or knows no pairs."""
        from transformers import AutoTokenizer

        tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
        if not getattr(tokenizer, "is_fast", False):
            raise ValueError(f"a fast tokenizer is needed; {type(tokenizer).__name__} has no offsets")
        self._backend = copy.deepcopy(tokenizer.backend_tokenizer)
        self._backend.no_truncation()
        self._backend.no_padding()
        self._backend.encode_special_tokens = True
        self.types_after: int | None = tokenizer.sep_token_id
        if not self._backend.num_special_tokens_to_add(True):
            raise ValueError("its tokenizer puts nothing between two texts: use `input: chat`")

    def conversation(
        self, messages: Sequence[Message], answer: str, tools: Tools | None = None
    ) -> Conversation:
        """The ids of the pair, and where in the answer each token ends; calls have no place in it."""
        if isinstance(answer, Response):
            raise InvalidRequest("a pair of texts has no place for tool calls", param="strategy.scorer")
        encoding = self._backend.encode(question_of(messages), answer, add_special_tokens=True)
        ends = [
            offset[1] if sequence == 1 else -1
            for offset, sequence in zip(encoding.offsets, encoding.sequence_ids, strict=True)
        ]
        return Conversation(list(encoding.ids), ends)
