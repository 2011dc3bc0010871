"""Quoting without escape: a text stands between two lines with a word that occurs in nothing that is quoted."""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import count

from strategies.base.response import Response
from strategies.base.types import Message, Prompt


def boundary(seed: int, quoted: Sequence[str]) -> str:
    """Twelve hexadecimal digits that follow from the seed and stand in none of the texts.

    Chosen after the texts are known, so no text can close its own quotation, not even one that was written by
    somebody who knows the seed.
    """
    words = (_word(seed, attempt) for attempt in count())
    return next(word for word in words if not any(word in text for text in quoted))


def fenced(title: str, text: str, word: str) -> str:
    """A titled quotation."""
    line = f"=== {word} ==="
    return f"{title}\n{line}\n{text}\n{line}"


def _word(seed: int, attempt: int) -> str:
    return blake2b(f"{seed}/{attempt}".encode(), digest_size=6, person=b"nbest-fence").hexdigest()


def quoted_turns(prompt: Prompt) -> list[tuple[str, str]]:
    """The request, whole, as titles and texts: one quotation for each turn, so that none can pretend to be another."""
    if prompt.text is not None:
        return [("The instruction, a text to be continued:", prompt.text)]
    if len(prompt.messages) == 1:
        return [("The instruction:", _said(prompt.messages[0]))]
    last = len(prompt.messages)
    return [
        (f"The conversation, turn {number} of {last}, by the {message.role}:", _said(message))
        for number, message in enumerate(prompt.messages, start=1)
    ]


def _said(message: Message) -> str:
    """What a turn says and calls."""
    return str(Response.of(message.content, message.tool_calls))
