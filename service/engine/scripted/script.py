"""What a scripted engine says, and how it is cut into tokens."""

import hashlib
from collections.abc import Callable, Iterable, Sequence

from strategies.base.types import FinishReason, Prompt, TokenLogprob

Script = Callable[[Prompt, int], str]
"""The text of candidate `index` for a prompt. A text that starts with `FAIL` makes that candidate fail."""


FAIL = "\x00fail"


def arithmetic(prompt: Prompt, index: int) -> str:
    """The default script: a short worked answer that depends on the prompt, the seed and the index alone."""
    question = prompt.text or (prompt.messages[-1].content if prompt.messages else "")
    seed = f"{question}|{prompt.decoding.seed}|{index if prompt.decoding.temperature > 0 else 0}"
    number = hashlib.blake2b(seed.encode(), digest_size=4).digest()
    left, right = number[0] % 20, number[1] % 20
    total = left + right + number[2] % 2
    return f"{left} + {right} = {total}\nThe answer is {total}."


def words(text: str) -> list[str]:
    """The script's tokens: each word with the white space before it, line ends with the word they follow."""
    pieces: list[str] = []
    for line in text.splitlines(keepends=True):
        for i, word in enumerate(line.split(" ")):
            pieces.append(word if i == 0 else f" {word}")
    return [piece for piece in pieces if piece]


def count_prompt_tokens(prompt: Prompt) -> int:
    contents: Iterable[str] = [m.content for m in prompt.messages] or [prompt.text or ""]
    return sum(len(content.split()) for content in contents)


def _cut(text: str, prompt: Prompt) -> tuple[list[str], FinishReason]:
    """The tokens of `text`, ended by a stop string or by `max_tokens` as an engine would."""
    decoding = prompt.decoding
    stops = [at for at in (text.find(stop) for stop in decoding.stop) if at >= 0]
    tokens = words(text[: min(stops)] if stops else text)
    if decoding.max_tokens is not None and len(tokens) > decoding.max_tokens:
        return tokens[: decoding.max_tokens], "length"
    return tokens, "stop"


def _logprobs(tokens: Sequence[str], prompt: Prompt) -> tuple[TokenLogprob, ...]:
    """A word's log-probability in the script is minus a tenth of its length, so that words differ."""
    if prompt.decoding.logprobs is None:
        return ()
    alternatives = min(prompt.decoding.logprobs, 1)
    scored = ((token, _logprob(token)) for token in tokens)
    return tuple(TokenLogprob(t, 0, p, ((t, 0, p),) * alternatives) for t, p in scored)


def _logprob(token: str) -> float:
    return -0.1 * len(token)
