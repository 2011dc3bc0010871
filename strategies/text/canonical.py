"""One spelling for answers that differ only in layout: the key by which answers are grouped."""

import re
from typing import Final

from strategies.text.numbers import NUMBER, ascii_digits, plain_number

MAX_MATHEMATICS: Final = 4096
"""Characters up to which an answer is read as mathematics; a longer one is compared as text."""

_BEFORE, _AFTER = "$*`\"' ", "$*`\"' .,;:?"
# A backslash after another ends a matrix's row: it begins no spacing.
_SPACING = re.compile(r"\\(?:left|right|displaystyle)(?![a-zA-Z])|(?<!\\)\\[,;:! ()\[\]]")
_FRACTION = re.compile(r"\\[dt]frac(?![a-zA-Z])")
_ESCAPED = re.compile(r"\\(?=[$%])")
_WORDS = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\{([^{}]*)\}")
_TIGHT = re.compile(r" ?([-+*/=(){}\[\],^_<>|]) ?")


def canonical(answer: str) -> str | None:
    """The key of an answer: without spaces, currency, thousands, trailing zeros and LaTeX layout; None if empty.

    Letter case does not matter, as in the evaluation kit of the Best-of-Majority authors (`math_equal` of
    jkx19/PassAtK). Idempotent.
    """
    compact = _compact(ascii_digits(answer))
    if len(compact) > MAX_MATHEMATICS:
        return compact
    while (plain := _without_layout(compact)) != compact:
        compact = plain
    if NUMBER.fullmatch(compact):
        return plain_number(compact)
    tight = _TIGHT.sub(r"\1", compact)
    # "1, 234" is a list of two numbers, and must not become the number 1234.
    return (compact if NUMBER.fullmatch(tight) else tight) or None


def stripped(answer: str) -> str:
    """An answer without the quotes, dollars and emphasis around it and the stop after it; its case is kept."""
    return answer.strip().lstrip(_BEFORE).rstrip(_AFTER)


def _compact(answer: str) -> str:
    return stripped(" ".join(answer.lower().split()))


def _without_layout(answer: str) -> str:
    """One round of taking LaTeX's layout away; every change makes the answer shorter, so rounds come to an end."""
    bare = _ESCAPED.sub("", _SPACING.sub("", _FRACTION.sub(r"\\frac", answer)))
    words = _WORDS.fullmatch(bare)
    return _compact(words[1] if words else bare)
