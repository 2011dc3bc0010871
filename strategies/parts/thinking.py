"""Split a response at `<think>…</think>` where no parser of the model's own does: whole, or as it is written.

A response thinks where it begins with the opening tag, or where its prompt ended with it (`opened`); what follows the
closing tag is content, unless it begins with an opening tag again. Tags elsewhere are text. A whole response that
holds a closing tag without an opening one thought before it: its template may have opened the thinking in the prompt.
"""

from dataclasses import dataclass
from typing import Final, Literal

from strategies.base.types import Parts

OPEN: Final = "<think>"
CLOSE: Final = "</think>"


def split_thinking(text: str, *, opened: bool = False) -> Parts:
    """The reasoning and the content of a whole response; together they are the text without tags."""
    before, tag, _ = text.partition(CLOSE)
    has_lost_tag = bool(tag) and OPEN not in before
    return ThinkingSplitter(opened or has_lost_tag).feed(text, ended=True)


@dataclass(slots=True)
class ThinkingSplitter:
    """The same as text comes: each call returns what is new of either part; what may begin a tag waits for more."""

    opened: bool = False
    _state: Literal["start", "thinking", "content"] = "start"
    _pending: str = ""

    def feed(self, text: str, *, ended: bool = False) -> Parts:
        """Take more text. `ended`: there will be none, so nothing has to wait."""
        rest = self._pending + text
        thought: list[str] = []
        said: list[str] = []
        while rest:
            if self._state == "content":
                said.append(rest)
                rest = ""
            elif self._state == "thinking":
                new, rest, is_over = self._think(rest, ended=ended)
                thought.append(new)
                if not is_over:
                    break
            else:
                is_certain, rest = self._begin(rest, ended=ended)
                if not is_certain:
                    break
                # An empty thought is a thought.
                thought += [""] * self._is_thinking
        self._pending = rest
        return Parts("".join(said), "".join(thought) if thought else None)

    @property
    def _is_thinking(self) -> bool:
        return self._state == "thinking"

    def _begin(self, rest: str, *, ended: bool) -> tuple[bool, str]:
        """Decide whether what comes is thought or said: whether that is certain, and what is left of the text."""
        bare = rest.lstrip()
        if not ended and not bare.startswith(OPEN) and OPEN.startswith(bare):
            return False, rest
        thinks = bare.startswith(OPEN)
        self._state = "thinking" if thinks or self.opened else "content"
        self.opened = False
        return True, bare[len(OPEN) :] if thinks else rest

    def _think(self, rest: str, *, ended: bool) -> tuple[str, str, bool]:
        """What is certain of a thought, what is left (after its end, or what may begin its tag), and if it is over."""
        thought, tag, after = rest.partition(CLOSE)
        if tag:
            self._state = "start"
            return thought, after, True
        end = len(rest) - (0 if ended else _held(rest))
        return rest[:end], rest[end:], False


def _held(text: str) -> int:
    """How many characters at the end of a thought may be the beginning of its closing tag."""
    for length in range(min(len(CLOSE) - 1, len(text)), 0, -1):
        if CLOSE.startswith(text[-length:]):
            return length
    return 0
