"""The probability of a yes where a judge gives its verdict, from the log-probabilities of the likeliest tokens there.

Sources: GenRM (arXiv 2408.15240) and the GenORM and GenPRM of Multi-RM (arXiv 2510.00492; db-Lee/Multi-RM) and GenPRM
(arXiv 2504.00891): P(yes) / (P(yes) + P(no)) at the verdict token, averaged over several verdicts. Both codes put 0.5
where they cannot read one; here a verdict that cannot be read is none.
"""

import math
from collections.abc import Sequence

from strategies.base.types import TokenLogprob


def verdict_token(tokens: Sequence[TokenLogprob], words: tuple[str, str]) -> TokenLogprob | None:
    """The last token that spells one of the two words, alone or as the start of nothing else; None if there is none."""
    wanted = [word.casefold() for word in words]
    return next((token for token in reversed(tokens) if _bare(token.token) in wanted), None)


def probability_of_yes(token: TokenLogprob, words: tuple[str, str]) -> float | None:
    """P(yes) / (P(yes) + P(no)) at one place; all spellings of a word (case, white space) count together.

    `words` are what is said for yes and for no. Where one of them is not among the likeliest tokens, its probability
    is bounded by the least likely of those, and that bound is used, as the published code does. None where neither
    is there, or a number is NaN.
    """
    likeliest = {(spelled, at): logprob for spelled, at, logprob in token.top}
    told = [
        (key[0], logprob)
        for key, logprob in (likeliest | {(token.token, token.token_id): token.logprob}).items()
    ]
    if any(math.isnan(logprob) for _, logprob in told):
        return None
    yes, no = (_mass(told, word) for word in words)
    if yes + no == 0:
        return None
    bound = math.exp(min(logprob for _, logprob in told))
    yes, no = yes or bound, no or bound
    return yes / (yes + no)


def mean_verdict(verdicts: Sequence[float | None]) -> float | None:
    """The mean over those samples that gave a verdict; None where none did."""
    given = [verdict for verdict in verdicts if verdict is not None]
    return math.fsum(given) / len(given) if given else None


def _mass(told: Sequence[tuple[str, float]], word: str) -> float:
    return math.fsum(math.exp(logprob) for spelled, logprob in told if _bare(spelled) == word.casefold())


def _bare(token: str) -> str:
    """A token without what tokenizers put before a word."""
    return token.strip(" \t\n\r▁Ġ").casefold()
