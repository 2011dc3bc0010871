"""vLLM's outputs to candidates: texts, token ids and log-probabilities as our types."""

from typing import Final

from vllm.logprobs import Logprob
from vllm.outputs import CompletionOutput, RequestOutput

from service.engine.response_parser import ResponseParser
from strategies.base.ports import Delta
from strategies.base.types import Candidate, FinishReason, TokenLogprob, floored

_REASONS: Final[dict[str, FinishReason]] = {"length": "length", "abort": "abort", "error": "error"}


def finish_reason(output: CompletionOutput) -> FinishReason:
    """Why it ended. What vLLM calls `repetition` is an end by a rule, so a stop."""
    return _REASONS.get(output.finish_reason or "abort", "stop")


def token_logprobs(output: CompletionOutput, alternatives: int | None) -> tuple[TokenLogprob, ...]:
    """The log-probability of each token, with its `alternatives` most likely rivals, likeliest first."""
    if alternatives is None or not output.logprobs:
        return ()
    return tuple(
        _one(i, found, alternatives) for i, found in zip(output.token_ids, output.logprobs, strict=True)
    )


def _one(token_id: int, found: dict[int, Logprob], alternatives: int) -> TokenLogprob:
    ranked = sorted((entry.rank or 0, i) for i, entry in found.items())
    top = tuple((_text(found[i]), i, floored(found[i].logprob)) for rank, i in ranked if rank <= alternatives)
    return TokenLogprob(_text(found[token_id]), token_id, floored(found[token_id].logprob), top)


def _text(entry: Logprob) -> str:
    return entry.decoded_token or ""


class Gathering:
    """One candidate in the making: takes vLLM's items in order, whole or in parts."""

    def __init__(
        self, index: int, prompt_tokens: int, alternatives: int | None, parser: ResponseParser
    ) -> None:
        self._index = index
        self._parser = parser
        self._prompt_tokens = prompt_tokens
        self._alternatives = alternatives
        self._cached = 0
        self._texts: list[str] = []
        self._ids: list[int] = []
        self._logprobs: list[TokenLogprob] = []
        self._reason: FinishReason = "abort"

    def add(self, item: RequestOutput, *, streams: bool = True) -> Delta:
        """Take the next item, and return what is new in it, taken apart where somebody reads it as it comes."""
        output = item.outputs[0]
        self._cached = max(self._cached, item.num_cached_tokens or 0)
        self._texts.append(output.text)
        self._ids += output.token_ids
        logprobs = token_logprobs(output, self._alternatives)
        self._logprobs += logprobs
        if output.finish_reason is not None:
            self._reason = finish_reason(output)
        parts = None
        if streams:
            ended = output.finish_reason is not None
            parts = self._parser.feed(output.text, output.token_ids, ended=ended)
        tokens = len(output.token_ids)
        return Delta(self._index, output.text, tokens, logprobs, parts, self._prompt_tokens)

    def candidate(self, reason: FinishReason | None = None) -> Candidate:
        """The candidate as it stands."""
        logprob = sum(token.logprob for token in self._logprobs) if self._alternatives is not None else None
        text = "".join(self._texts)
        return Candidate(
            self._index,
            text,
            len(self._ids),
            reason or self._reason,
            prompt_tokens=self._prompt_tokens,
            cached_tokens=self._cached,
            token_ids=tuple(self._ids),
            logprob=logprob,
            logprobs=tuple(self._logprobs),
            parts=self._parser.whole(text, self._ids),
        )
