"""Read a fusor's reply: the answer is what stands between `Answer: [[` and the last `]]`.

Every rule for a reply that opens its answer on a line of its own looks only backwards, so that the text can be shown
as it is written (`strategies/fusion/stream_filter.py`); the rules for other replies need the whole.
"""

import re
from dataclasses import dataclass
from typing import Final

_ANSWER: Final = r"answer[ \t*_]*:[\s*_]*"
OPENING: Final = re.compile(rf"^[ \t>*_#`-]*(?:final[ \t]+)?{_ANSWER}\[\[", re.IGNORECASE | re.MULTILINE)
"""The start of an answer in the form that was asked for, some Markdown forgiven; it ends with its only brackets."""

_INLINE: Final = re.compile(rf"\b{_ANSWER}\[\[", re.IGNORECASE)
_STATED: Final = re.compile(rf"\b{_ANSWER}", re.IGNORECASE)
_BRACKETED: Final = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
_COMPARISON: Final = re.compile(r"^[\s>*_#`-]*comparison[ \t*_]*:[ \t*_]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a fusor said; `answer` is None where none can be found, `closed` is False where its end is missing."""

    answer: str | None
    comparison: str
    closed: bool = True


def read_reply(text: str, *, ended: bool = True) -> Reply:
    """Find the answer in a reply; `ended` says whether the fusor stopped by itself.

    1. After the first `Answer: [[` that begins a line, else after the last one anywhere: up to the last `]]`, or,
       where there is none, to the end.
    2. After the last `Answer:`: the last `[[…]]`, or, where there is none, all that follows.

    The first, and not the last: later ones belong to the answer itself, or to a model that begins again.
    """
    opening = OPENING.search(text) or _last(_INLINE, text)
    if opening is not None:
        answer, closed = enclosed(text[opening.end() :], ended=ended)
        return _reply(answer, text[: opening.start()], closed=closed)
    stated = _last(_STATED, text)
    if stated is None:
        return _reply("", text, closed=True)
    rest, before = text[stated.end() :], text[: stated.start()]
    if bracketed := _last(_BRACKETED, rest):
        return _reply(bracketed[1], before, closed=True)
    _, opened, inside = rest.rpartition("[[")
    return _reply(inside, before, closed=False) if opened else _reply(rest, before, closed=ended)


def enclosed(body: str, *, ended: bool = True) -> tuple[str, bool]:
    """What an answer says, given all that follows its `[[` so far, and whether that was closed.

    It ends at the last `]]`, since code and lists may hold others, or at the last one before the model begins again
    with `Answer: [[`. More text never takes back what was said. What ends inside a bracket of its own, or was cut off
    after a `]]` that may have been its own, does not count as closed.
    """
    first = body.find("]]")
    if first < 0:
        # A single bracket at the end may be half of the closing pair.
        return body.strip().removesuffix("]").strip(), False
    again = OPENING.search(body, first)
    end = body.rfind("]]", 0, again.start() if again else len(body))
    answer = body[:end].strip()
    seen_out = ended or again is not None or not body[end + 2 :].strip()
    return answer, seen_out and answer.count("[[") <= answer.count("]]")


def _reply(answer: str, before: str, *, closed: bool) -> Reply:
    comparison = _COMPARISON.sub("", before).strip()
    return Reply(answer.strip() or None, comparison, closed)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(reversed(list(pattern.finditer(text))), None)
