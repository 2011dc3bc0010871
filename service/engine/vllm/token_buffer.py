"""The text of a live candidate and the token ids that spell it, kept equal whatever is cut off."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from service.engine.tokenizer.vocabulary import Vocabulary
from strategies.base.types import TokenLogprob


@dataclass(slots=True)
class TokenBuffer:
    """An answer in the making; `before` are the ids of the prompt, `logprobs` has one entry a token or none at all."""

    vocabulary: Vocabulary
    before: Sequence[int]
    ids: list[int] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    text: str = ""

    def copy(self) -> "TokenBuffer":
        return TokenBuffer(self.vocabulary, self.before, list(self.ids), list(self.logprobs), self.text)

    def append(self, ids: Sequence[int], logprobs: Sequence[TokenLogprob], *, is_whole: bool = False) -> None:
        """Add what was written; a character whose bytes are incomplete shows only when the answer `is_whole`."""
        self.ids += ids
        self.logprobs += logprobs
        self.text = self.vocabulary.answer(self.before, self.ids, is_whole=is_whole)

    def cut(self, length: int) -> int:
        """Keep the first `length` characters; returns how many leading tokens are still those that were sampled.

        A token that goes on beyond the cut is replaced by ids that spell its kept part. With log-probabilities,
        the replacement carries that of the sampled token, which is a lower bound of its own.
        """
        kept = self._tokens_within(length)
        rest = self.text[len(self._prefix(kept)) : length]
        tail = self.vocabulary.ids(rest) if rest else []
        self.ids[kept:] = tail
        if self.logprobs:
            sampled = self.logprobs[kept : kept + 1]
            replaced = [TokenLogprob(rest, tail[0], sampled[0].logprob)] if tail and sampled else []
            certain = [TokenLogprob(self.vocabulary.text([i]), i, 0.0) for i in tail[1:]]
            self.logprobs[kept:] = replaced + certain
        self.text = self.text[:length]
        return kept

    def _tokens_within(self, length: int) -> int:
        """The most leading tokens whose text is no longer than `length` characters."""
        low = self.vocabulary.tokens_within(self.before, self.ids, length)
        # Bytes of an incomplete character at the end spell nothing yet, and cannot be followed by other text.
        while low and self._prefix(low) == self._prefix(low - 1):
            low -= 1
        return low

    def _prefix(self, tokens: int) -> str:
        return self.vocabulary.answer(self.before, self.ids[:tokens], is_whole=False)
