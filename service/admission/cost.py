"""What a request costs at most, known before anything is allocated, and what costs too much ever to be admitted."""

from collections.abc import Iterable
from dataclasses import dataclass

from service.admission.settings import Limits
from strategies.base.errors import InvalidRequest
from strategies.base.strategy import Strategy
from strategies.base.types import Decoding, Prompt

BYTES_PER_TOKEN = 4
"""A prompt is counted by its bytes, as nobody has tokenised it yet: about right for English, low for other scripts."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The most that a request may use: tokens, and candidates in the engine; `param` is the field to make smaller."""

    tokens: int
    candidates: int = 0
    param: str = "max_tokens"


def cost_of(strategy: Strategy, prompt: Prompt, limits: Limits) -> Cost:
    """All candidates of a request together: draws x max_tokens, what is generated beside them, and the prompt."""
    tokens = max_tokens(prompt.decoding, limits)
    draws = strategy.num_samples(prompt.k)
    generated = draws * tokens + strategy.further_tokens(tokens)
    return Cost(generated + prompt_tokens(prompt), draws)


def reading_cost(prompt: Prompt, texts: Iterable[str], param: str) -> Cost:
    """What a reward model may have to read: each text, and before each the prompt; nothing is generated."""
    before = prompt_tokens(prompt)
    return Cost(sum(before + _tokens(text) for text in texts), param=param)


def prompt_tokens(prompt: Prompt) -> int:
    """About how many tokens a prompt has."""
    said = sum(_tokens(message.content) for message in prompt.messages) + _tokens(prompt.text or "")
    called = sum(_tokens(call.arguments) for message in prompt.messages for call in message.tool_calls)
    return said + called + (0 if prompt.tools is None else _tokens(repr(prompt.tools.offered)))


def max_tokens(decoding: Decoding, limits: Limits) -> int:
    """The most tokens that one candidate may have."""
    return decoding.max_tokens if decoding.max_tokens is not None else limits.default_max_tokens


def check_size(strategy: Strategy, decoding: Decoding, k: int, limits: Limits) -> None:
    """Refuse what can never be admitted. Costs are in candidates and tokens; nothing is allocated here."""
    draws = strategy.num_samples(k)
    counts = [name for name in ("n", "beams") if name in type(strategy).model_fields]
    where = f"strategy.{counts[0]}" if counts and draws > k else "n"
    most = min(limits.max_n, limits.max_inflight_candidates)
    if draws > most:
        raise InvalidRequest(f"{draws} candidates were asked for; the most here is {most}", param=where)
    if draws < k:
        raise InvalidRequest(f"n is {k}, but the strategy draws only {draws} candidates", param="n")
    if draws > 1 and decoding.temperature == 0:
        message = f"temperature 0 gives the same answer every time; {draws} draws need a temperature above 0"
        raise InvalidRequest(message, param="temperature")
    tokens = max_tokens(decoding, limits)
    if decoding.min_tokens > tokens:
        message = f"min_tokens is {decoding.min_tokens}, more than the {tokens} of max_tokens"
        raise InvalidRequest(message, param="min_tokens")
    _check_tokens(draws, tokens, strategy.further_tokens(tokens), limits)


def _check_tokens(draws: int, tokens: int, further: int, limits: Limits) -> None:
    if tokens > limits.max_tokens:
        raise InvalidRequest(
            f"max_tokens is {tokens}; the most here is {limits.max_tokens}", param="max_tokens"
        )
    if draws * tokens + further > limits.max_request_tokens:
        beside = f" and {further} tokens beside" if further else ""
        most = f"{limits.max_request_tokens} tokens a request"
        message = f"{draws} candidates of {tokens} tokens{beside} exceed {most}"
        raise InvalidRequest(message, param="max_tokens")


def _tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)
