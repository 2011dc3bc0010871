"""Where an encoded text holds an answer, and how much of the answer is complete after each token."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Span:
    """Where an encoded text holds the answer, and how many characters of its front the template stripped."""

    start: int
    end: int
    stripped: int


def stripped(answer: str, core: str) -> int:
    """How many characters are missing at the front of what a template leaves of the answer."""
    return 0 if answer.startswith(core) else len(answer) - len(answer.lstrip())


def ends_of(encoding: Any, span: Span) -> list[int]:
    """For each token how many characters of the answer are complete after it; -1 outside the answer."""
    offsets = np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2)
    inside = (offsets[:, 1] > span.start) & (offsets[:, 0] < span.end)
    complete = np.minimum(offsets[:, 1], span.end) - span.start + span.stripped
    ends: list[int] = np.where(inside, complete, -1).tolist()
    return ends
