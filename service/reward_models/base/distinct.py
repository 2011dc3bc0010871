"""Equal texts are scored once: a sample often holds the same answer several times, and a score is not cheap."""

from collections.abc import Container, Sequence
from typing import TypeVar

T = TypeVar("T")


class DistinctTexts:
    """The different texts among `texts`, in the order in which they first occur, and the way back to all of them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._all = texts
        self.texts = list(dict.fromkeys(texts))

    def spread(self, values: Sequence[T]) -> tuple[T, ...]:
        """One value a text, from one a distinct text; ValueError if those are not as many."""
        by_text = dict(zip(self.texts, values, strict=True))
        return tuple(by_text[text] for text in self._all)

    def positions(self, texts: Container[str]) -> tuple[int, ...]:
        """Where among all texts these stand."""
        return tuple(i for i, text in enumerate(self._all) if text in texts)
