"""Show a fused answer as it is written: the text between `Answer: [[` and `]]`, and nothing around it."""

from dataclasses import dataclass

from strategies.base.ports import Delta
from strategies.fusion.reply import OPENING, enclosed


@dataclass(slots=True)
class AnswerView:
    """A filter for the deltas of one reply: gives back what is new of the answer, as text of the first choice.

    Joined, what it shows is exactly the answer that `read_reply` finds in the whole, or nothing at all where the
    reply does not open its answer in the form that was asked for.
    """

    _text: str = ""
    _start: int | None = None
    _shown: int = 0

    def __call__(self, delta: Delta) -> Delta | None:
        new = self._more(delta.content)
        return Delta(0, new, delta.tokens) if new else None

    def _more(self, text: str) -> str:
        self._text += text
        if self._start is None:
            self._start = self._opened(len(text))
        if self._start is None:
            return ""
        answer, _ = enclosed(self._text[self._start :])
        new, self._shown = answer[self._shown :], len(answer)
        return new

    def _opened(self, new: int) -> int | None:
        """Where the answer starts, once it does: an opening ends with `[[`, so older text need not be looked at."""
        if "[[" not in self._text[max(len(self._text) - new - 1, 0) :]:
            return None
        opening = OPENING.search(self._text)
        return opening.end() if opening else None
